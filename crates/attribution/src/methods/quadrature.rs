//! Quadrature rules for an integral from 0 to 1: points, and weights that sum to one.

use crate::check;
use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// Quadrature rule: where the points along a path lie, and the weight of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rule {
    /// The middle of each of `steps` equal intervals.
    #[default]
    Midpoint,
    /// The left end of each interval.
    Left,
    /// The right end of each interval. The notebook of *TensorFlow for Poets 2* uses it.
    Right,
    /// Both ends of each interval; `steps` points make `steps - 1` intervals, so at least 2 are needed.
    Trapezoid,
    /// Gauss-Legendre: exact for polynomials of degree `2 steps - 1`.
    GaussLegendre,
}

const RULES: [(&str, Rule); 5] = [
    ("midpoint", Rule::Midpoint),
    ("left", Rule::Left),
    ("right", Rule::Right),
    ("trapezoid", Rule::Trapezoid),
    ("gauss-legendre", Rule::GaussLegendre),
];

/// One point of a quadrature rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Position on the path, from 0 (baseline) to 1 (image).
    pub position: f64,
    /// Weight of the gradient there; the weights of all points sum to one.
    pub weight: f64,
}

impl Rule {
    /// The points of this rule, positions ascending.
    ///
    /// # Errors
    /// [`Error::Setting`] for no steps, more than 2^20, or fewer than 2 with the trapezoid.
    pub fn points(self, steps: usize) -> Result<Vec<Point>> {
        let least = if self == Self::Trapezoid { 2 } else { 1 };
        check::within("steps", steps, least..=check::MOST_STEPS)?;
        let n = steps as f64;
        let shifted = |shift: f64| {
            let at = |i: usize| Point {
                position: (i as f64 + shift) / n,
                weight: 1.0 / n,
            };
            (0..steps).map(at).collect()
        };
        Ok(match self {
            Self::Midpoint => shifted(0.5),
            Self::Left => shifted(0.0),
            Self::Right => shifted(1.0),
            Self::Trapezoid => (0..steps)
                .map(|i| {
                    let end = i == 0 || i == steps - 1;
                    Point {
                        position: i as f64 / (n - 1.0),
                        weight: if end { 0.5 } else { 1.0 } / (n - 1.0),
                    }
                })
                .collect(),
            Self::GaussLegendre => gauss_legendre(steps),
        })
    }
}

/// The roots of the Legendre polynomial, found by Newton's method, mapped to 0 to 1.
fn gauss_legendre(steps: usize) -> Vec<Point> {
    let n = steps as f64;
    let mut points: Vec<Point> = (0..steps)
        .map(|i| {
            let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..100 {
                let (mut p, mut before) = (1.0, 0.0);
                for j in 0..steps {
                    let j = j as f64;
                    (p, before) = (((2.0 * j + 1.0) * x * p - j * before) / (j + 1.0), p);
                }
                slope = n * (x * p - before) / (x * x - 1.0);
                let step = p / slope;
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            Point {
                position: 0.5 * (1.0 - x),
                weight: 1.0 / ((1.0 - x * x) * slope * slope),
            }
        })
        .collect();
    let sum: f64 = points.iter().map(|p| p.weight).sum();
    for point in &mut points {
        point.weight /= sum;
    }
    points
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            RULES
                .iter()
                .find(|(_, rule)| rule == self)
                .map_or("", |(name, _)| name),
        )
    }
}

/// `midpoint`, `left`, `right`, `trapezoid`, `gauss-legendre`.
impl FromStr for Rule {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        RULES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|&(_, rule)| rule)
            .ok_or_else(|| Error::Unknown {
                what: "rule",
                found: name.to_owned(),
                known: RULES.map(|(known, _)| known).join(", "),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_points_ascend() {
        for (_, rule) in RULES {
            for steps in [2, 3, 50, 1001] {
                let points = rule.points(steps).unwrap();
                let sum: f64 = points.iter().map(|p| p.weight).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{rule} {steps}");
                assert!(
                    points.windows(2).all(|w| w[0].position < w[1].position),
                    "{rule} {steps}"
                );
                assert_eq!(points.len(), steps);
            }
            assert_eq!(rule.to_string().parse::<Rule>().unwrap(), rule);
            assert!(rule.points(0).is_err());
        }
        assert!(Rule::Trapezoid.points(1).is_err());
    }

    #[test]
    fn gauss_legendre_is_exact_for_polynomials() {
        for degree in 0..10 {
            let sum: f64 = gauss_legendre(5)
                .iter()
                .map(|p| p.weight * p.position.powi(degree))
                .sum();
            assert!(
                (sum - 1.0 / f64::from(degree + 1)).abs() < 1e-14,
                "{degree}"
            );
        }
    }
}
