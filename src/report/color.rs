//! Colours on a terminal.

/// When there are colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum When {
    /// On a terminal that can show them, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// As it should be.
    Good,
    /// To be looked at.
    Warning,
    /// Wrong.
    Bad,
    /// The head of a table.
    Head,
    /// Less important than the rest.
    Aside,
}

/// Paints texts, or leaves them as they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Colors {
    on: bool,
}

impl Colors {
    /// Colours as the caller and the surroundings want them: `no_color` is the variable `NO_COLOR`
    /// (counts if it is not empty), `term` the variable `TERM`.
    #[must_use]
    pub fn new(when: When, terminal: bool, no_color: &[u8], term: &[u8]) -> Colors {
        Colors {
            on: match when {
                When::Always => true,
                When::Never => false,
                When::Auto => {
                    terminal && no_color.is_empty() && !term.is_empty() && term != b"dumb"
                }
            },
        }
    }

    /// Whether there are any.
    #[must_use]
    pub fn are_on(self) -> bool {
        self.on
    }

    /// The text in its colour.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.on || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "1;31",
            Tone::Head => "1",
            Tone::Aside => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_colours_on_a_terminal_or_when_they_are_wanted_e3() {
        let on = |when, terminal, no_color: &str, term: &str| {
            Colors::new(when, terminal, no_color.as_bytes(), term.as_bytes()).are_on()
        };
        assert!(on(When::Auto, true, "", "xterm"));
        assert!(!on(When::Auto, false, "", "xterm"));
        assert!(!on(When::Auto, true, "1", "xterm"));
        assert!(!on(When::Auto, true, "", "dumb"));
        assert!(!on(When::Auto, true, "", ""));
        assert!(on(When::Always, false, "1", "dumb"));
        assert!(!on(When::Never, true, "", "xterm"));
        let colors = Colors::new(When::Always, false, b"", b"");
        assert_eq!(colors.paint(Tone::Bad, "NO"), "\x1b[1;31mNO\x1b[0m");
        assert_eq!(colors.paint(Tone::Bad, ""), "");
        assert_eq!(Colors::default().paint(Tone::Bad, "NO"), "NO");
    }
}
