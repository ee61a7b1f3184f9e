use attribution::{GradCam, IntegratedGradients, Method, Model, Pixels, Score, autodiff, autodiff_block};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation::relu};

/// A net of one's own, which knows nothing of attribution.
#[derive(Module, Debug)]
struct Net {
    conv: Conv2d,
    linear: Linear,
}

impl Net {
    fn features(&self, pixels: Tensor<4>) -> Tensor<4> {
        relu(self.conv.forward(pixels / 255.0))
    }

    fn classify(&self, features: Tensor<4>) -> Tensor<2> {
        self.linear.forward(features.mean_dims(&[2, 3]).flatten::<2>(1, 3))
    }
}

fn main() -> Result<(), attribution::Error> {
    let device = Device::flex();
    let net = Net {
        conv: Conv2dConfig::new([3, 4], [3, 3]).init(&device),
        linear: LinearConfig::new(4, 2).init(&device),
    }
    .freeze();
    let (all, first, second) = (net.clone(), net.clone(), net);
    let forward = move |x| all.classify(all.features(x));
    let score = Score::Logit(1);
    let model = Model::new(autodiff(forward, score.clone(), &device)).with_block(autodiff_block(
        move |x| first.features(x),
        move |x| second.classify(x),
        score,
        &device,
    ));
    let levels = (0..16 * 16 * 3).map(|i| (i % 256) as f32).collect();
    let pixels = Pixels::new(levels, [16, 16, 3])?;
    let why = IntegratedGradients::new().with_tolerance(0.01).attribute(&model, &pixels)?;
    println!("the sum is off by {:?}", why.completeness_error());
    println!("{} values by Grad-CAM", GradCam::new().attribute(&model, &pixels)?.map().len());
    Ok(())
}
