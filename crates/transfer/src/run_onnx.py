

def classify(session, path):
    """Every class with its probability for one picture, the most probable first, and whether the first one counts."""
    about = session.get_modelmeta().custom_metadata_map
    classes = json.loads(about["classes"])
    thresholds = json.loads(about.get("thresholds", "null")) or [0.0] * len(classes)
    inputs = {session.get_inputs()[0].name: load(path)[None]}
    probabilities = session.run(["probabilities"], inputs)[0][0].tolist()
    ranked = sorted(range(len(classes)), key=lambda index: -probabilities[index])
    best = ranked[0]
    return [(classes[index], probabilities[index]) for index in ranked], probabilities[best] >= thresholds[best]


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(f"usage: python {sys.argv[0]} MODEL.onnx PICTURE ...")
    import onnxruntime

    net = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
    for picture in sys.argv[2:]:
        answers, counts = classify(net, picture)
        print(picture if counts else f"{picture}\n  none of the classes")
        for name, probability in answers[:5]:
            print(f"  {probability:.4f}  {name}")
