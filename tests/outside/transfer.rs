use dataset::{HashedSplit, ImageFolder, sample};
use mobilenet::Weights;
use transfer::{Backbone, Classifier, EmbeddingCache, Fitted, HeadConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::temp_dir().join("outside-transfer");
    let (images, file) = (root.join("images"), root.join("classifier.safetensors"));
    sample::write(&images, 30, 1)?;
    let folder = ImageFolder::open(&images)?;
    let split = HashedSplit::default().apply(&folder)?;
    let backbone = Backbone::new(Weights::open("bundled")?)?;
    let cache = EmbeddingCache::open(root.join("cache"))?;
    let training = backbone.embed(&split.training, &cache, |_| ())?.embeddings;
    let validation = backbone.embed(&split.validation, &cache, |_| ())?.embeddings;
    let Fitted { head, report } = HeadConfig::new().training(&training).validation(&validation).fit()?;
    Classifier::new(backbone, head, folder.classes().to_vec())?.with_report(report).save(&file)?;
    let answer = Classifier::load(&file)?.classify(&split.testing[0].path)?;
    println!("{} {:.3}", answer[0].class, answer[0].probability);
    Ok(())
}
