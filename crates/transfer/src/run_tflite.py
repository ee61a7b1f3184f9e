

def classify(net, labels, path):
    """Every class with its probability for one picture, the most probable first."""
    about, answer = net.get_input_details()[0], net.get_output_details()[0]
    pixels = load(path)[None]
    if about["dtype"] == np.int8:
        pixels = (pixels.astype(np.int16) - 128).astype(np.int8)
    net.set_tensor(about["index"], pixels)
    net.invoke()
    probabilities = net.get_tensor(answer["index"])[0].tolist()
    return sorted(zip(labels, probabilities), key=lambda pair: -pair[1])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(f"usage: python {sys.argv[0]} MODEL.tflite PICTURE ...")
    import zipfile
    from ai_edge_litert.interpreter import Interpreter

    # The names of the classes are an archive behind the model.
    with zipfile.ZipFile(sys.argv[1]) as archive:
        labels = archive.read("labels.txt").decode().splitlines()
    net = Interpreter(model_path=sys.argv[1])
    net.allocate_tensors()
    for picture in sys.argv[2:]:
        print(picture)
        for name, probability in classify(net, labels, picture)[:5]:
            print(f"  {probability:.4f}  {name}")
