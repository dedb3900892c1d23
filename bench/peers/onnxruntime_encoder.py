"""Tokenises and embeds with Hugging Face tokenizers and ONNX Runtime, as a careful user would: sorted by length,
batches of 32, the graph of make_onnx.py."""
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

BATCH = 32


class Encoder:
    def __init__(self, model, folder, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
        self.tokenizer.enable_truncation(256)
        self.tokenizer.no_padding()

    def embed(self, texts):
        """Unit vectors [texts, D] and the number of tokens."""
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(texts)), key=lambda i: -len(ids[i]))
        vectors = None
        for begin in range(0, len(order), BATCH):
            batch = order[begin:begin + BATCH]
            tokens = np.zeros((len(batch), len(ids[batch[0]])), np.int32)
            mask = np.zeros_like(tokens)
            for row, i in enumerate(batch):
                tokens[row, :len(ids[i])] = ids[i]
                mask[row, :len(ids[i])] = 1
            feed = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
            hidden = self.session.run(None, feed)[0]
            pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
            if vectors is None:
                vectors = np.zeros((len(texts), hidden.shape[2]), np.float32)
            vectors[batch] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return vectors, sum(map(len, ids))
