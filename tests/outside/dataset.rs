use dataset::{HashedSplit, ImageFolder, PixelLoader, ResizePolicy, sample};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join("outside-dataset");
    sample::write(&folder, 30, 1)?;
    let split = HashedSplit::default().apply(&ImageFolder::open(&folder)?)?;
    let loader = PixelLoader::new(ResizePolicy::Squash, 96);
    let pixels = loader.load(&split.training[0].path)?;
    assert_eq!(pixels.len(), 96 * 96 * 3);
    println!("{} images for training", split.training.len());
    Ok(())
}
