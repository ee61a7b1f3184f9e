//! Gradient functions from Burn networks (feature `burn`).

use crate::error::BoxError;
use crate::model::gradient_fn::{BlockTuple, GradientFn, ScoresAndGradient, Shape};
use crate::score::Score;
use burn::tensor::{Device, Tensor, TensorData};

/// Makes a gradient function from the forward pass of any Burn network.
///
/// `forward` takes pixels `[n, channels, height, width]` with levels 0 to 255, normalizes them itself, and returns
/// logits `[n, classes]`. `score` says which number made from the logits is explained. `device` is the device without
/// autodiff; this function adds autodiff. Freeze the module inside `forward` (`Module::freeze`): otherwise batch
/// normalization uses the statistics of the batch and overwrites its own.
///
/// ```
/// # use burn::tensor::{Device, Tensor};
/// use attribution::methods::GradientXInput;
/// use attribution::{Method, Pixels, Score, autodiff};
///
/// let device = Device::flex();
/// // Two classes: the sum of the pixels, and twice that.
/// let forward = |x: Tensor<4>| {
///     let sum = x.flatten::<2>(1, 3).sum_dim(1);
///     Tensor::cat(vec![sum.clone(), sum * 2.0], 1)
/// };
/// let gradient = autodiff(forward, Score::Logit(1), &device);
/// let pixels = Pixels::new(vec![1.0, 2.0, 3.0], [1, 1, 3])?;
/// let why = GradientXInput::new().with_zero(0.0).attribute(&gradient, &pixels)?;
/// assert_eq!(why.map(), [2.0, 4.0, 6.0]);
/// # Ok::<(), attribution::Error>(())
/// ```
pub fn autodiff<F>(forward: F, score: Score, device: &Device) -> impl GradientFn + use<F>
where
    F: Fn(Tensor<4>) -> Tensor<2>,
{
    Autodiff {
        forward,
        score,
        device: device.clone(),
    }
}

/// Makes the function for [`Model::with_block`](crate::Model::with_block) from a Burn network that is split into two
/// parts.
///
/// `features` takes the same pixels as `forward` of [`autodiff`] and returns the activations of the block, `[n,
/// channels, height, width]`; `rest` takes these activations and returns the logits.
pub fn autodiff_block<F, R>(
    features: F,
    rest: R,
    score: Score,
    device: &Device,
) -> impl Fn(&[f32], Shape) -> Result<BlockTuple, BoxError> + use<F, R>
where
    F: Fn(Tensor<4>) -> Tensor<4>,
    R: Fn(Tensor<4>) -> Tensor<2>,
{
    let device = device.clone();
    move |pixels: &[f32], shape: Shape| {
        let activations = features(nchw(pixels, shape, &device)?);
        let [n, c, h, w] = activations.dims();
        let on_top = Tensor::<4>::from_data(activations.to_data(), &device.clone().autodiff())
            .require_grad();
        let (scores, gradient) = backward(rest(on_top.clone()), &on_top, n, &score)?;
        let values = values(activations.permute([0, 2, 3, 1]))?;
        Ok((scores, [h, w, c], values, gradient))
    }
}

struct Autodiff<F> {
    forward: F,
    score: Score,
    device: Device,
}

impl<F: Fn(Tensor<4>) -> Tensor<2>> GradientFn for Autodiff<F> {
    fn scores_and_gradient(
        &self,
        pixels: &[f32],
        shape: Shape,
    ) -> Result<ScoresAndGradient, BoxError> {
        let input = nchw(pixels, shape, &self.device.clone().autodiff())?.require_grad();
        backward((self.forward)(input.clone()), &input, shape[0], &self.score)
    }

    fn scores(&self, pixels: &[f32], shape: Shape) -> Result<Vec<f64>, BoxError> {
        let logits = (self.forward)(nchw(pixels, shape, &self.device)?);
        Ok(seeds(logits, shape[0], &self.score)?.0)
    }

    fn confidence(&self, pixels: &[f32], shape: Shape) -> Option<Result<Vec<f64>, BoxError>> {
        let answer = || {
            let logits = (self.forward)(nchw(pixels, shape, &self.device)?);
            Ok(seeds(logits, shape[0], &Score::Confidence)?.0)
        };
        Some(answer())
    }
}

/// Pixels in Burn's layout.
fn nchw(pixels: &[f32], [n, h, w, c]: Shape, device: &Device) -> Result<Tensor<4>, BoxError> {
    if pixels.is_empty() || pixels.len() != n * h * w * c {
        return Err(format!(
            "expected {n} x {h} x {w} x {c} pixels, at least one, found {}",
            pixels.len()
        )
        .into());
    }
    let mut planes = vec![0.0_f32; pixels.len()];
    for (image, out) in pixels
        .chunks_exact(h * w * c)
        .zip(planes.chunks_exact_mut(h * w * c))
    {
        for (i, pixel) in image.chunks_exact(c).enumerate() {
            for (channel, &value) in pixel.iter().enumerate() {
                out[channel * h * w + i] = value;
            }
        }
    }
    Ok(Tensor::from_data(
        TensorData::new(planes, [n, c, h, w]),
        device,
    ))
}

/// Scores, and the gradient of the logits that gives each score's gradient.
fn seeds(logits: Tensor<2>, n: usize, score: &Score) -> Result<(Vec<f64>, Vec<f32>), BoxError> {
    let [rows_found, classes] = logits.dims();
    if rows_found != n || classes == 0 {
        return Err(
            format!("the forward gave logits {rows_found} x {classes} for {n} images").into(),
        );
    }
    let mut scores = Vec::with_capacity(n);
    let mut seeds = Vec::with_capacity(n * classes);
    for row in rows(logits)?.chunks_exact(classes) {
        let (value, gradient) = score.evaluate(row)?;
        scores.push(value);
        seeds.extend(gradient.iter().map(|&g| g as f32));
    }
    Ok((scores, seeds))
}

/// Scores and the gradient with respect to `input`, in NHWC.
fn backward(
    logits: Tensor<2>,
    input: &Tensor<4>,
    n: usize,
    score: &Score,
) -> Result<ScoresAndGradient, BoxError> {
    let dims = logits.dims();
    let (scores, seeds) = seeds(logits.clone(), n, score)?;
    let seeds = Tensor::<2>::from_data(TensorData::new(seeds, dims), &logits.device());
    let gradients = (logits * seeds).sum().backward();
    let gradient = input
        .grad(&gradients)
        .ok_or("the logits do not depend on the pixels, so that there is no gradient")?;
    Ok((scores, values(gradient.permute([0, 2, 3, 1]))?))
}

fn rows(logits: Tensor<2>) -> Result<Vec<f64>, BoxError> {
    let values = logits
        .into_data()
        .try_to_vec::<f32>()
        .map_err(|e| format!("logits: {e:?}"))?;
    Ok(values.into_iter().map(f64::from).collect())
}

fn values(tensor: Tensor<4>) -> Result<Vec<f32>, BoxError> {
    tensor
        .into_data()
        .try_to_vec::<f32>()
        .map_err(|e| format!("gradient: {e:?}").into())
}
