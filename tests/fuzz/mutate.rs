//! Makes answers and certificates out of real ones, the same ones for the same seed.

/// What is made at once.
pub(crate) struct Made {
    /// A certificate, or what was one.
    pub(crate) der: Vec<u8>,
    /// A server's answer, or what was one.
    pub(crate) answer: Vec<u8>,
}

/// Goes on and on.
pub(crate) struct Mutator {
    state: u64,
    answers: Vec<Vec<u8>>,
    certificates: Vec<Vec<u8>>,
}

/// Bytes at which lengths, tags and versions turn into others.
const ODD: [u8; 24] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0b, 0x0e, 0x13, 0x15, 0x16, 0x17, 0x18, 0x1e, 0x24, 0x30,
    0x31, 0x7f, 0x80, 0x81, 0x84, 0xa0, 0xa3, 0xff,
];

impl Mutator {
    pub(crate) fn new(seed: u64, answers: Vec<Vec<u8>>, certificates: Vec<Vec<u8>>) -> Mutator {
        // Zero is the one number that xorshift does not leave.
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Mutator {
            state,
            answers,
            certificates,
        }
    }

    /// The next ones. Half of the answers are changed as they are, the others are made well around
    /// changed certificates, so that these are looked at.
    pub(crate) fn next(&mut self) -> Made {
        let mut der = self.certificate();
        self.change(&mut der);
        let answer = if self.below(2) == 0 {
            let which = self.below(self.answers.len());
            let mut answer = self.answers[which].clone();
            self.change(&mut answer);
            answer
        } else {
            let mut chain = vec![der.clone()];
            for _ in 0..self.below(12) {
                chain.push(self.certificate());
            }
            self.around(&chain)
        };
        Made { der, answer }
    }

    /// Marsaglia's xorshift64*.
    fn random(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random() >> 33).unwrap() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        match self.below(2) {
            0 => ODD[self.below(ODD.len())],
            _ => self.random().to_be_bytes()[0],
        }
    }

    fn certificate(&mut self) -> Vec<u8> {
        let which = self.below(self.certificates.len());
        self.certificates[which].clone()
    }

    /// A part of either kind.
    fn part(&mut self) -> Vec<u8> {
        let from = match self.below(2) {
            0 => self.certificate(),
            _ => {
                let which = self.below(self.answers.len());
                self.answers[which].clone()
            }
        };
        let begin = self.below(from.len());
        let length = self.below(from.len() - begin + 1);
        from[begin..begin + length].to_vec()
    }

    /// One change, or some.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.below(5) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(40)).min(bytes.len());
            match self.below(9) {
                0..=2 if at < bytes.len() => bytes[at] = self.byte(),
                3 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                4 => bytes.insert(at, self.byte()),
                5 => drop(bytes.drain(at..end)),
                6 => {
                    let again = bytes[at..end].repeat(1 + self.below(30));
                    drop(bytes.splice(at..at, again));
                }
                7 => {
                    let part = self.part();
                    drop(bytes.splice(at..end, part));
                }
                8 if self.below(8) == 0 => {
                    // Sequences within sequences.
                    let depth = self.below(8_000);
                    let tag = self.byte();
                    drop(bytes.splice(at..at, [tag, 0x80].repeat(depth)));
                }
                _ if self.below(8) == 0 => bytes.truncate(at),
                _ => {}
            }
        }
    }

    /// A well-formed answer around a chain, in records of any length.
    fn around(&mut self, chain: &[Vec<u8>]) -> Vec<u8> {
        let version = self.below(4).to_be_bytes()[7];
        let list: Vec<u8> = chain.iter().flat_map(|der| sized(3, der)).collect();
        let hello = [&[3, version][..], &[7; 32], &[0], &[0, 5], &[0]].concat();
        let messages = [message(2, &hello), message(11, &sized(3, &list))].concat();
        let most = [1, 7, 300, 16_384][self.below(4)];
        let records = messages.chunks(most).map(|part| {
            let header = [22, 3, version];
            [&header[..], &sized(2, part)].concat()
        });
        records.collect::<Vec<_>>().concat()
    }
}

fn sized(width: usize, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    [&length[8 - width..], content].concat()
}

fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind], &sized(3, content)[..]].concat()
}
