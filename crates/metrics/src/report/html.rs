use std::fmt::Write;

use crate::evaluation::Score;
use crate::visible::{push_visible, visible};

/// Escapes text for HTML, also inside double quotes. Hidden characters are shown as escapes, but a line end and a tab
/// stay what they are.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(c),
            '\r' if characters.peek() == Some(&'\n') => {} // first half of a line end
            c => push_visible(&mut escaped, c),
        }
    }
    escaped
}

/// A name that a stranger gave, such as that of a class or a file, as HTML in one line. Its direction does not change
/// that of the text around it.
pub(super) fn untrusted(name: &str) -> String {
    format!("<bdi>{}</bdi>", escape(&visible(name)))
}

/// A number with four digits.
pub(super) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_string(), |value| format!("{value:.4}"))
}

/// A share in percent.
pub(super) fn percent(value: f64) -> String {
    format!("{:.1} %", 100.0 * value)
}

/// The ends of the interval of a score, or why it has none, or why the score is undefined.
pub(super) fn interval_or_reason(score: &Score) -> String {
    match (score.value, score.interval) {
        (Some(_), Some(interval)) => format!("{:.4} to {:.4}", interval.low, interval.high),
        (Some(_), None) => escape(&score.no_interval),
        // It names classes.
        (None, _) => untrusted(&score.reason),
    }
}

/// A table whose first column is text and whose other columns are numbers. The cells must be HTML.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut html = String::from("<div class=\"scroll\"><table><thead><tr>");
    for cell in head {
        let _ = write!(html, "<th scope=\"col\">{cell}</th>");
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let _ = if column == 0 {
                write!(html, "<th scope=\"row\">{cell}</th>")
            } else {
                write!(html, "<td>{cell}</td>")
            };
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

/// A whole page in the look of a [`Report`](super::Report): legible in light and dark mode, on phones and on paper. The body is
/// HTML; names from outside in it must be [escaped](escape). The title is text.
pub fn shell(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{}{}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        include_str!("colors.css"),
        include_str!("style.css")
    )
}
