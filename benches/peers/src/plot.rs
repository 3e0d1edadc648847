//! The plot, as SVG text: a group of bars for each kind of request, a bar for each crate.

use std::fmt::Write as _;

const WIDTH: f64 = 820.0;
/// Where the bars begin, and how far the longest goes. What is right of it is for its number.
const LEFT: f64 = 186.0;
const LONGEST: f64 = 540.0;
const TOP: f64 = 96.0;
const BAR: f64 = 13.0;
const GAP: f64 = 17.0;

/// The colours keep apart for the colour-blind, and from white and dark grounds. The ground is drawn,
/// since the page around an image may be of another mind than the browser about what is dark.
const STYLE: &str = "
text { font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; font-size: 13px; fill: #1f2328 }
.ground { fill: #ffffff; stroke: #d1d9e0 }
.title { font-size: 16px; font-weight: 600 }
.small { font-size: 11px; fill: #59636e }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.bar0 { fill: #0969da } .bar1 { fill: #d98a1f } .bar2 { fill: #8c959f }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .ground { fill: #151b23; stroke: #3d444d }
  .small { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .bar0 { fill: #4493f8 } .bar1 { fill: #e3a04a } .bar2 { fill: #6e7681 }
}
";

pub struct Plot<'a> {
    pub title: &'a str,
    pub foot: &'a str,
    pub names: &'a [String],
    /// For each kind of request its name, and the nanoseconds of each app.
    pub groups: Vec<(&'static str, Vec<f64>)>,
}

pub fn draw(plot: &Plot<'_>) -> String {
    let Plot {
        title,
        foot,
        names,
        groups,
    } = plot;
    let values = groups.iter().flat_map(|(_, values)| values).copied();
    let largest = values.fold(1.0, f64::max);
    let step = step(largest);
    let group = BAR * names.len() as f64 + GAP;
    let bottom = TOP + group * groups.len() as f64;
    let height = bottom + 52.0;
    let x = |value: f64| LEFT + value.max(0.0) / largest * LONGEST;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">{title}, in nanoseconds: {}</title>\n\
         <style>{STYLE}</style>\n\
         <rect class=\"ground\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        names.join(", "),
        WIDTH - 1.0,
        height - 1.0,
    );
    text(&mut svg, 24.0, 34.0, "title", title);
    let mut legend = 24.0;
    for (app, name) in names.iter().enumerate() {
        rectangle(&mut svg, app, legend, 50.0, 12.0);
        text(&mut svg, legend + 18.0, 61.0, "", name);
        legend += 50.0 + 7.4 * name.len() as f64;
    }
    let mut tick = 0.0;
    while tick <= largest {
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{1}\" y2=\"{bottom}\"/>",
            x(tick),
            TOP - 8.0,
        );
        let label = if tick == 0.0 {
            "0 ns".to_owned()
        } else {
            thousands(tick)
        };
        let _ = writeln!(
            svg,
            "<text class=\"small\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{}\">{label}</text>",
            x(tick),
            bottom + 15.0,
        );
        tick += step;
    }
    for (place, (name, values)) in groups.iter().enumerate() {
        let y = TOP + group * place as f64;
        let middle = y + BAR * names.len() as f64 / 2.0 + 4.5;
        let _ = writeln!(
            svg,
            "<text text-anchor=\"end\" x=\"{}\" y=\"{middle}\">{}</text>",
            LEFT - 12.0,
            name,
        );
        for (app, &value) in values.iter().enumerate() {
            let y = y + BAR * app as f64;
            rectangle(&mut svg, app, LEFT, y, (x(value) - LEFT).max(1.0));
            text(
                &mut svg,
                x(value) + 6.0,
                y + 10.0,
                "small",
                &thousands(value),
            );
        }
    }
    text(&mut svg, 24.0, height - 14.0, "small", foot);
    svg.push_str("</svg>\n");
    svg
}

fn rectangle(svg: &mut String, app: usize, x: f64, y: f64, width: f64) {
    let height = BAR - 1.0;
    let _ = writeln!(
        svg,
        "<rect class=\"bar{app}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" rx=\"1.5\"/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
    );
}

/// A round distance for at most eight lines.
fn step(largest: f64) -> f64 {
    let mut steps = (2..).flat_map(|zeros| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(zeros)));
    steps.find(|step| largest / step <= 8.0).unwrap_or(largest)
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    match digits.len() {
        4.. => {
            let (thousands, rest) = digits.split_at(digits.len() - 3);
            format!("{thousands}\u{202f}{rest}")
        }
        _ => digits,
    }
}
