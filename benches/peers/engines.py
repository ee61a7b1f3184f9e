#!/usr/bin/env python3
"""MobileNetV1 in ONNX Runtime, OpenVINO, LiteRT (XNNPACK) and PyTorch beside `examples/speed`, in one run.

    cargo build --release --example speed
    python benches/peers/engines.py --batch 1 8 32 --threads 1 2
    python benches/peers/engines.py --task gradient --batch 8
    python benches/peers/engines.py --precision int8 --ours int8:amx int8:avx512-vnni bf16:amx f32
    python benches/peers/engines.py --precision int8 --ours int8/7:avx2 int8:avx2 f32:avx2 --peers-isa AVX2

All engines compute in f32 on the same net, if not told otherwise: random weights, batch norm folded (as each would fold it), ReLU6,
softmax left out. Peers get normalized f32 input in their own layout, so they do less than `speed`, which starts
from bytes. Each measurement is a process of its own; rounds are interleaved, so that a busy machine slows all of
them; the figures are medians over rounds of each round's median. Versions: requirements.txt.

With `--precision int8` ONNX Runtime and OpenVINO get the model that ONNX Runtime's static quantizer makes of that net
(QDQ, u8 activations, s8 weights per channel), LiteRT the one of TensorFlow's converter (int8 per channel); `openvino-default`
is OpenVINO on the float model without a hint, which is bf16 where the processor has it. Ours are nets of random
integers, or what else `--ours` names: a precision, after a slash the bits of weights, and after a colon an instruction set for
`MOBILENET_ISA`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WIDTHS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
CLASSES = 1001


def layers(alpha):
    """(kind, stride, weight [out, in / groups, k, k], bias) of the 27 convolutions."""
    import numpy as np

    rng = np.random.default_rng(1)

    def conv(kind, stride, out, inputs, k):
        weight = rng.standard_normal((out, inputs, k, k)) * (2 / (inputs * k * k)) ** 0.5
        return kind, stride, weight.astype(np.float32), rng.standard_normal(out).astype(np.float32)

    width = lambda c: max(8, int(c * alpha))
    channels = width(32)
    result = [conv("full", 2, channels, 3, 3)]
    for out, stride in WIDTHS:
        result.append(conv("depthwise", stride, channels, 1, 3))
        result.append(conv("full", 1, width(out), channels, 1))
        channels = width(out)
    classifier = rng.standard_normal((channels, CLASSES)).astype(np.float32) * 0.03
    return result, classifier


def padding(weight, stride):
    """TensorFlow's SAME at even sizes: (before, after)."""
    return (0, 0) if weight.shape[2] == 1 else (0, 1) if stride == 2 else (1, 1)


def onnx_model(alpha, batch, size):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    convolutions, classifier = layers(alpha)
    nodes, tensors, last = [], [], "input"
    import numpy as np

    for name, value in [("zero", 0), ("six", 6)]:
        tensors.append(numpy_helper.from_array(np.array(value, np.float32), name))
    for i, (kind, stride, weight, bias) in enumerate(convolutions):
        before, after = padding(weight, stride)
        tensors += [numpy_helper.from_array(weight, f"w{i}"), numpy_helper.from_array(bias, f"b{i}")]
        nodes.append(helper.make_node(
            "Conv", [last, f"w{i}", f"b{i}"], [f"c{i}"], strides=[stride] * 2, kernel_shape=weight.shape[2:],
            pads=[before, before, after, after], group=weight.shape[0] if kind == "depthwise" else 1))
        nodes.append(helper.make_node("Clip", [f"c{i}", "zero", "six"], [f"r{i}"]))
        last = f"r{i}"
    tensors.append(numpy_helper.from_array(classifier, "classifier"))
    nodes += [helper.make_node("GlobalAveragePool", [last], ["pool"]), helper.make_node("Flatten", ["pool"], ["embedding"]),
              helper.make_node("MatMul", ["embedding", "classifier"], ["logits"])]
    graph = helper.make_graph(
        nodes, "mobilenet", [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, CLASSES])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def quantized_onnx(options):
    """Path of the QDQ model that ONNX Runtime's quantizer makes of the net."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    cached = cache_path(options, "onnx")
    if not cached.exists():
        floats = cached.with_suffix(".float.onnx")
        floats.write_bytes(onnx_model(options.alpha, options.batch, options.size))

        class Reader(CalibrationDataReader):
            left = 4

            def get_next(self):
                self.left -= 1
                shape = (options.batch, 3, options.size, options.size)
                return {"input": images(shape)} if self.left >= 0 else None

        partial = cached.with_suffix(f".{os.getpid()}.onnx")
        quantize_static(str(floats), str(partial), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
        onnx.checker.check_model(str(partial))
        partial.rename(cached)
    return str(cached)


def cache_path(options, ending):
    name = f"peers_mobilenet_{options.precision}_{options.alpha}_{options.batch}_{options.size}.{ending}"
    return Path(tempfile.gettempdir()) / name


def images(shape):
    import numpy as np

    return np.random.default_rng(2).uniform(-1, 1, shape).astype(np.float32)


def onnxruntime(options):
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = options.threads, 1
    if options.precision == "int8":
        model = quantized_onnx(options)
    else:
        model = onnx_model(options.alpha, options.batch, options.size)
    session = ort.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    x = images((options.batch, 3, options.size, options.size))
    return lambda: session.run(None, {"input": x})


def openvino(options, default=False):
    import openvino as ov

    core = ov.Core()
    if options.precision == "int8" and not default:
        model = core.read_model(quantized_onnx(options))
    else:
        model = core.read_model(onnx_model(options.alpha, options.batch, options.size))
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": options.threads}
    if options.precision == "f32":
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    x = images((options.batch, 3, options.size, options.size))
    return lambda: request.infer({0: x})


def litert(options):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from ai_edge_litert.interpreter import Interpreter

    cached = cache_path(options, "tflite")
    shape = (options.batch, options.size, options.size, 3)
    if not cached.exists():
        import tensorflow as tf

        convolutions, classifier = layers(options.alpha)

        @tf.function(input_signature=[tf.TensorSpec([options.batch, options.size, options.size, 3], tf.float32)])
        def net(x):
            for kind, stride, weight, bias in convolutions:
                if kind == "depthwise":
                    x = tf.nn.depthwise_conv2d(x, weight.transpose(2, 3, 0, 1), [1, stride, stride, 1], "SAME")
                else:
                    x = tf.nn.conv2d(x, weight.transpose(2, 3, 1, 0), stride, "SAME")
                x = tf.nn.relu6(x + bias)
            return tf.linalg.matmul(tf.reduce_mean(x, [1, 2]), classifier)

        converter = tf.lite.TFLiteConverter.from_concrete_functions([net.get_concrete_function()])
        if options.precision == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([images(shape)] for _ in range(4))
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        cached.write_bytes(converter.convert())
    interpreter = Interpreter(model_path=str(cached), num_threads=options.threads)
    interpreter.allocate_tensors()
    entry, exit_ = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    x = images(shape)
    if options.precision == "int8":
        x = (x * 127).astype("int8")

    def run():
        interpreter.set_tensor(entry, x)
        interpreter.invoke()
        return interpreter.get_tensor(exit_)

    return run


def torch_net(options):
    import torch

    torch.set_num_threads(options.threads)
    convolutions, classifier = layers(options.alpha)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            parts = []
            for kind, stride, weight, bias in convolutions:
                before, after = padding(weight, stride)
                if before != after:
                    parts.append(torch.nn.ZeroPad2d((before, after, before, after)))
                groups = weight.shape[0] if kind == "depthwise" else 1
                conv = torch.nn.Conv2d(weight.shape[1] * groups, weight.shape[0], weight.shape[2], stride,
                                       before if before == after else 0, groups=groups)
                conv.weight.data, conv.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
                parts += [conv, torch.nn.ReLU6()]
            self.features = torch.nn.Sequential(*parts)
            self.register_buffer("classifier", torch.from_numpy(classifier))

        def forward(self, x):
            return self.features(x).mean((2, 3)) @ self.classifier

    net = Net().eval().to(memory_format=torch.channels_last).requires_grad_(False)
    x = torch.from_numpy(images((options.batch, 3, options.size, options.size)))
    return torch, net, x.contiguous(memory_format=torch.channels_last)


def pytorch(options, compiled=False):
    torch, net, x = torch_net(options)
    if compiled:
        import torch._inductor.config

        torch._inductor.config.freezing = True
        net = torch.compile(net)

    if options.task == "gradient":
        x.requires_grad_(True)

        def run():
            x.grad = None
            torch.softmax(net(x), 1)[:, 0].sum().backward()
            return x.grad

        return run

    def run():
        with torch.inference_mode():
            return net(x)

    return run


ENGINES = {
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "openvino-default": lambda options: openvino(options, default=True),
    "litert": litert,
    "torch": pytorch,
    "torch-compiled": lambda options: pytorch(options, compiled=True),
}


def measure(run, batch, seconds):
    """Median images a second after warming up."""
    for _ in range(3):
        run()
    times, start = [], time.perf_counter()
    while not times or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    return batch / statistics.median(times)


def one(engine, options, batch, threads):
    """Images a second of an engine, in a process of its own; None where it does not run."""
    common = ["--batch", str(batch), "--threads", str(threads), "--seconds", str(options.seconds), "--alpha",
              str(options.alpha), "--task", options.task]
    environment = dict(os.environ)
    if engine.startswith("ours"):
        precision, _, isa = engine.removeprefix("ours ").partition(":")
        precision, _, bits = precision.partition("/")
        command = [options.speed, *common, "--input-size", str(options.size), "--json"]
        if precision != "f32":
            command += ["--precision", precision]
        if bits:
            command += ["--weight-bits", bits]
        if isa:
            environment["MOBILENET_ISA"] = isa
    else:
        command = [sys.executable, __file__, *common, "--size", str(options.size), "--precision", options.precision,
                   "--run", engine]
        if options.peers_isa:
            environment["ONEDNN_MAX_CPU_ISA"] = options.peers_isa
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        print(f"{engine} failed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])["images_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", default=None, choices=list(ENGINES))
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, os.cpu_count()])
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--task", choices=["forward", "gradient"], default="forward")
    parser.add_argument("--precision", choices=["f32", "int8"], default="f32", help="of the peers (default: f32)")
    parser.add_argument("--ours", nargs="+", default=None, help="precision[/bits][:instruction set] (default: as the peers)")
    parser.add_argument("--peers-isa", help="ONEDNN_MAX_CPU_ISA for the peers, for example AVX512_CORE_VNNI or AVX2")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement (default: 1)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--speed", default="target/release/examples/speed", help="our program")
    parser.add_argument("--run", choices=list(ENGINES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        engine, seconds = ENGINES[options.run], options.seconds
        options.batch, options.threads = options.batch[0], options.threads[0]
        print(json.dumps({"images_per_second": measure(engine(options), options.batch, seconds)}))
        return
    quantized = ["onnxruntime", "openvino", "openvino-default", "litert"]
    floats = [engine for engine in ENGINES if engine != "openvino-default"]
    engines = options.engines or (quantized if options.precision == "int8" else floats)
    engines = [e for e in engines if options.task == "forward" or e == "torch"]
    ours = [f"ours {name}" for name in options.ours or [options.precision]]
    for batch in options.batch:
        for threads in options.threads:
            figures = {engine: [] for engine in [*ours, *engines]}
            for _ in range(options.rounds):
                for engine, found in figures.items():
                    found.append(one(engine, options, batch, threads))
            medians = {e: statistics.median(f) for e, f in figures.items() if None not in f}
            first = medians.get(ours[0], float("nan"))
            print(f"{options.task}, alpha {options.alpha}, batch {batch}, threads {threads}: {ours[0]} {first:.1f} images/s")
            for engine, rate in sorted(medians.items(), key=lambda item: -item[1]):
                if engine != ours[0]:
                    print(f"    {engine:20} {rate:7.1f} images/s; {ours[0]} is {first / rate:.2f} times that")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
