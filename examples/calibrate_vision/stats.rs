//! Order statistics and dense linear algebra, as much as the calibration needs.

/// The value below which a share of the values lies, linear between ranks; 0 for none.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    values[below] + (values[above] - values[below]) * (at - at.floor())
}

/// The middle.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// A symmetric positive definite matrix, factored: `L` of `L Lᵀ`, row by row.
pub(crate) struct Cholesky {
    n: usize,
    l: Vec<f64>,
}

impl Cholesky {
    /// Factors a matrix given row by row; none when it is not positive definite.
    pub(crate) fn new(mut a: Vec<f64>, n: usize) -> Option<Self> {
        for j in 0..n {
            let (done, rest) = a.split_at_mut((j + 1) * n);
            let row_j = &mut done[j * n..];
            let diagonal = row_j[j] - dot(&row_j[..j], &row_j[..j]);
            if diagonal <= 0.0 {
                return None;
            }
            row_j[j] = diagonal.sqrt();
            for row in rest.chunks_exact_mut(n) {
                row[j] = (row[j] - dot(&row[..j], &row_j[..j])) / row_j[j];
            }
        }
        Some(Self { n, l: a })
    }

    /// Solves the system for one right side.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (n, l) = (self.n, &self.l);
        let mut x = b.to_vec();
        for i in 0..n {
            x[i] = (x[i] - dot(&l[i * n..i * n + i], &x[..i])) / l[i * n + i];
        }
        for i in (0..n).rev() {
            x[i] /= l[i * n + i];
            let xi = x[i];
            for (k, value) in x[..i].iter_mut().enumerate() {
                *value -= l[i * n + k] * xi;
            }
        }
        x
    }

    /// Half of the logarithm of the determinant.
    pub(crate) fn half_log_determinant(&self) -> f64 {
        (0..self.n).map(|i| self.l[i * self.n + i].ln()).sum()
    }

    /// The inverse, row by row.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        let mut out = Vec::with_capacity(self.n * self.n);
        let mut unit = vec![0.0; self.n];
        for i in 0..self.n {
            unit[i] = 1.0;
            out.extend(self.solve(&unit));
            unit[i] = 0.0;
        }
        out
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Minimises a sum of squares from `start` by Levenberg's and Marquardt's method with numeric derivatives.
pub(crate) fn least_squares(start: &[f64], residuals: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let n = start.len();
    let cost = |r: &[f64]| dot(r, r);
    let (mut x, mut damping) = (start.to_vec(), 1e-3);
    let mut r = residuals(&x);
    for _ in 0..60 {
        let columns: Vec<Vec<f64>> = (0..n)
            .map(|k| {
                let mut moved = x.clone();
                moved[k] += 1e-5;
                residuals(&moved).iter().zip(&r).map(|(a, b)| (a - b) / 1e-5).collect()
            })
            .collect();
        let gradient: Vec<f64> = columns.iter().map(|c| -dot(c, &r)).collect();
        let before = cost(&r);
        let mut gained = 0.0;
        while damping < 1e9 {
            let mut normal = vec![0.0; n * n];
            for i in 0..n {
                for k in 0..n {
                    normal[i * n + k] = dot(&columns[i], &columns[k]);
                }
                normal[i * n + i] *= 1.0 + damping;
                normal[i * n + i] += 1e-12;
            }
            let step = Cholesky::new(normal, n).map(|c| c.solve(&gradient));
            let candidate: Option<Vec<f64>> = step.map(|s| x.iter().zip(&s).map(|(a, b)| a + b).collect());
            if let Some(candidate) = candidate {
                let moved = residuals(&candidate);
                if cost(&moved) < before {
                    gained = before - cost(&moved);
                    (x, r) = (candidate, moved);
                    damping = (damping / 3.0).max(1e-9);
                    break;
                }
            }
            damping *= 4.0;
        }
        if gained <= 1e-8 * before {
            break;
        }
    }
    x
}
