use mobilenet::{ImageBatch, Weights};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let weights = Weights::open("bundled")?;
    let picture: Vec<u8> = (0..224 * 224).flat_map(|i| [200, (i % 224) as u8, 40]).collect();
    let net = weights.compile()?;
    let logits = net.logits(&ImageBatch::from_u8(&picture, [1, 224, 224])?)?;
    let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
    println!("class {best:?} of {}", logits.len());
    Ok(())
}
