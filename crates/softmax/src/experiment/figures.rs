//! Plots as SVG, drawn by `plotters`: small enough for a phone, in colours that the page can
//! replace.

use anyhow::Result;
use maud::{Render, html};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

/// The colours of the plots. The page's style sheet replaces each in dark mode.
pub const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
pub const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
pub const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
pub const ORANGE: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
pub const GREEN: RGBColor = RGBColor(0x00, 0x9e, 0x73);
pub const PURPLE: RGBColor = RGBColor(0xa0, 0x4e, 0x8c);
pub const RED: RGBColor = RGBColor(0xb4, 0x23, 0x18);

/// `plotters` draws at integer coordinates: this many units per pixel make lines smooth.
const UNIT: u32 = 4;

/// The width and height of a plot and the height of text, in pixels of a phone.
const SIZE: (u32, u32) = (480, 340);
const TEXT: u32 = 23;

/// The size of a picture's pixel, in units.
const PIXEL: i32 = 4;

pub struct Axis {
    pub label: String,
    pub from: f64,
    pub to: f64,
    /// Formats the numbers.
    pub format: fn(f64) -> String,
}

impl Axis {
    pub fn new(label: &str, from: f64, to: f64) -> Self {
        Self {
            label: label.to_owned(),
            from,
            to,
            format: plain,
        }
    }

    pub fn with_format(self, format: fn(f64) -> String) -> Self {
        Self { format, ..self }
    }
}

fn plain(x: f64) -> String {
    // Rounds away the errors that steps of 0.1 accumulate.
    let rounded = (x * 1e6).round() / 1e6;
    format!("{}", rounded + 0.)
}

pub enum Mark {
    Line,
    Dashes,
    Dots,
    /// From 0 to the point, with this width.
    Bars(f64),
}

pub struct Series {
    /// The name in the legend; not in the legend if empty.
    pub name: String,
    pub color: RGBColor,
    pub mark: Mark,
    pub points: Vec<(f64, f64)>,
}

impl Series {
    pub fn new(name: &str, color: RGBColor, mark: Mark, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            color,
            mark,
            points,
        }
    }
}

/// A range of values at each place.
pub struct Band {
    pub color: RGBColor,
    /// True for a filled band, false for a line from end to end at each place.
    pub filled: bool,
    /// The place, the lower and the upper end.
    pub ends: Vec<(f64, f64, f64)>,
}

pub struct Plot {
    /// The text alternative.
    pub alt: String,
    pub title: String,
    pub size: (u32, u32),
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    /// Drawn behind the series.
    pub bands: Vec<Band>,
    /// Drawn over the series.
    pub over: Vec<Band>,
    /// The approximate number of labels on the x axis.
    pub ticks: usize,
    pub legend: SeriesLabelPosition,
}

impl Plot {
    pub fn new(title: &str, x: Axis, y: Axis, series: Vec<Series>) -> Self {
        Self {
            alt: String::new(),
            title: title.to_owned(),
            size: SIZE,
            x,
            y,
            series,
            bands: Vec::new(),
            over: Vec::new(),
            ticks: 6,
            legend: SeriesLabelPosition::LowerRight,
        }
    }

    /// The plot as an `<svg>`.
    pub fn to_svg(&self) -> Result<String> {
        let mut svg = String::new();
        let size = (self.size.0 * UNIT, self.size.1 * UNIT);
        self.draw(&SVGBackend::with_string(&mut svg, size).into_drawing_area())?;
        Ok(with_alternative(&svg, &self.alt))
    }

    fn draw(&self, area: &DrawingArea<SVGBackend, Shift>) -> Result<()> {
        const LENGTH: i32 = UNIT as i32;
        let text = |size: u32| ("sans-serif", size * UNIT).into_font().color(&INK);
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, text(TEXT))
            .margin(6 * UNIT)
            .margin_right(18 * UNIT)
            .x_label_area_size(48 * UNIT)
            .y_label_area_size(66 * UNIT)
            .build_cartesian_2d(self.x.from..self.x.to, self.y.from..self.y.to)?;
        chart
            .configure_mesh()
            .x_labels(self.ticks)
            .y_labels(6)
            .x_label_formatter(&|x| (self.x.format)(*x))
            .y_label_formatter(&|y| (self.y.format)(*y))
            .x_desc(&self.x.label)
            .y_desc(&self.y.label)
            .axis_desc_style(text(TEXT - 3))
            .label_style(text(TEXT - 4))
            .axis_style(INK.stroke_width(UNIT))
            .set_all_tick_mark_size(5 * UNIT)
            .bold_line_style(GRID.stroke_width(UNIT))
            .light_line_style(TRANSPARENT)
            .draw()?;
        draw_bands(&mut chart, &self.bands)?;
        let mut named = false;
        for Series {
            name,
            color,
            mark,
            points,
        } in &self.series
        {
            let line = color.stroke_width(2 * UNIT);
            let points = points.iter().copied();
            let fill = color.filled();
            let drawn = match mark {
                Mark::Line => chart.draw_series(LineSeries::new(points, line))?,
                Mark::Dashes => {
                    chart.draw_series(DashedLineSeries::new(points, 6 * UNIT, 5 * UNIT, line))?
                }
                Mark::Dots => {
                    let dot = color.mix(0.7).filled();
                    chart.draw_series(points.map(|point| Circle::new(point, 3 * LENGTH, dot)))?
                }
                Mark::Bars(width) => {
                    let half = width / 2.;
                    let bar = |(x, y)| Rectangle::new([(x - half, 0.), (x + half, y)], fill);
                    chart.draw_series(points.map(bar))?
                }
            };
            if name.is_empty() {
                continue;
            }
            named = true;
            drawn.label(name);
            match mark {
                Mark::Line => drawn
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 18 * LENGTH, y)], line)),
                Mark::Dashes => drawn.legend(move |at| {
                    EmptyElement::at(at)
                        + PathElement::new([(0, 0), (6 * LENGTH, 0)], line)
                        + PathElement::new([(11 * LENGTH, 0), (17 * LENGTH, 0)], line)
                }),
                Mark::Dots => {
                    drawn.legend(move |(x, y)| Circle::new((x + 9 * LENGTH, y), 4 * LENGTH, fill))
                }
                Mark::Bars(_) => drawn.legend(move |(x, y)| {
                    Rectangle::new(
                        [
                            (x + 3 * LENGTH, y - 5 * LENGTH),
                            (x + 14 * LENGTH, y + 5 * LENGTH),
                        ],
                        fill,
                    )
                }),
            };
        }
        draw_bands(&mut chart, &self.over)?;
        if named {
            chart
                .configure_series_labels()
                .position(self.legend.clone())
                .label_font(text(TEXT - 4))
                // The lines of the grid must not cross the legend's text.
                .background_style(PAPER.mix(0.85))
                .legend_area_size(24 * UNIT)
                .margin(6 * UNIT)
                .draw()?;
        }
        area.present()?;
        Ok(())
    }
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn draw_bands(chart: &mut Chart, bands: &[Band]) -> Result<()> {
    for Band {
        color,
        filled,
        ends,
    } in bands
    {
        if *filled {
            let there = ends.iter().map(|&(x, low, _)| (x, low));
            let back = ends.iter().rev().map(|&(x, _, high)| (x, high));
            let outline: Vec<_> = there.chain(back).collect();
            chart.draw_series([Polygon::new(outline, color.mix(0.18).filled())])?;
        } else {
            let line = color.stroke_width(UNIT + UNIT / 2);
            let whisker = |&(x, low, high)| PathElement::new([(x, low), (x, high)], line);
            chart.draw_series(ends.iter().map(whisker))?;
        }
    }
    Ok(())
}

/// A 28×28 picture of bytes, ink on paper, without its empty margin.
pub fn picture(pixels: &[u8], alt: &str) -> Result<String> {
    const SIDE: usize = 28;
    let inked = |x: usize, y: usize| pixels[y * SIDE + x] > 0;
    let is_free = |&ring: &usize| {
        let (first, last) = (ring, SIDE - 1 - ring);
        let ink = |i| inked(i, first) || inked(i, last) || inked(first, i) || inked(last, i);
        !(first..=last).any(ink)
    };
    let free = (0..SIDE / 2).take_while(is_free).count();
    let margin = free.saturating_sub(1);
    let size = (SIDE - 2 * margin) as u32 * PIXEL as u32;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (size, size)).into_drawing_area();
        for (i, &shade) in pixels.iter().enumerate().filter(|(_, shade)| **shade > 0) {
            let place = |at: usize| (at - margin) as i32 * PIXEL;
            let (x, y) = (place(i % SIDE), place(i / SIDE));
            let ink = INK.mix(f64::from(shade) / 255.).filled();
            area.draw(&Rectangle::new([(x, y), (x + PIXEL, y + PIXEL)], ink))?;
        }
        area.present()?;
    }
    let svg = svg.replacen("<svg ", "<svg shape-rendering=\"crispEdges\" ", 1);
    Ok(with_alternative(&svg, alt))
}

/// The `<svg>` with its text alternative.
fn with_alternative(svg: &str, alt: &str) -> String {
    let label = html! { (alt) }.render().into_string();
    let label = label.replace('"', "&quot;");
    svg.trim().replacen(
        "<svg ",
        &format!("<svg role=\"img\" aria-label=\"{label}\" "),
        1,
    )
}

/// The largest of the numbers that are not NaN.
pub fn largest(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().fold(f64::NEG_INFINITY, f64::max)
}

/// The smallest of the numbers that are not NaN.
pub fn smallest(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().fold(f64::INFINITY, f64::min)
}
