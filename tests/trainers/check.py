#!/usr/bin/env python3
"""Feed exports to the loaders of the trainers that they are for.

    python tests/trainers/check.py EXPORT_DIR...

Each directory is one that `gleaner export --out` wrote; its manifest tells format and host. Installs nothing and downloads nothing:
a loader whose package is not importable is told as SKIP. Exit code 1 if any loader refuses or loses a row.

    format            packages (versions that this was written with)
    trl               datasets 5.2, trl 1.16, transformers 5.23; OpenRLHF 0.11 where it is importable
    openai            openai 3; --host together: together 1.5.35; --host mistral: mistral-common 1.13
    sharegpt          llamafactory 0.9.5, torch
    axolotl           axolotl 0.21, transformers, trl (for its chat templates)
    verl              verl 0.9, torch, pandas, pyarrow
    tinker            tinker-cookbook 0.6, tinker, torch
    atif              harbor 0.25 or atif 1.8
    nemo-rl           no package to be had (PyPI's nemo-rl is empty): only the shape that its `PreferenceDataset` documents is checked

What is checked is that each loader takes every row and gives as many back, with what is trained on not empty. Not checked: that training
on them is a good idea.
"""

import contextlib
import importlib
import io
import json
import os
import sys
import tempfile
import types

for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE", "AXOLOTL_DO_NOT_TRACK", "TRL_EXPERIMENTAL_SILENCE"):
    os.environ[name] = "1"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

CONVERSATIONS = ("sft", "trajectory", "revisions")


class Absent(Exception):
    """A package that is not here."""


def need(*names):
    modules = []
    for name in names:
        try:
            modules.append(importlib.import_module(name))
        except ImportError as error:
            raise Absent(f"{name}: {error}") from error
    return modules if len(modules) > 1 else modules[0]


def stub(name, **attributes):
    """Stands for a module that a loader imports and does not use for text."""
    if name not in sys.modules:
        try:
            importlib.import_module(name)
            return
        except Exception:  # noqa: BLE001 - present but broken is as good as absent
            pass
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        for key, value in attributes.items():
            setattr(module, key, value)
        sys.modules[name] = module


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def expect(found, message):
    if not found:
        raise AssertionError(message)


def tokenizer(template="qwen3_training"):
    """Byte-level, made here; the template is one of TRL's."""
    tokenizers, transformers, trl = need("tokenizers", "transformers", "trl")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    core = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = tokenizers.decoders.ByteLevel()
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    made.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    folder = os.path.join(os.path.dirname(trl.__file__), "chat_templates")
    with open(os.path.join(folder, template + ".jinja"), encoding="utf-8") as file:
        made.chat_template = file.read()
    return made


# ---- one function per format: (directory, kind, file, rows written) -> what was run -------------------------------------------


def trl(directory, kind, file, count):
    datasets = need("datasets")
    name, *split, _ = os.path.basename(file).split(".")
    loaded = datasets.load_dataset(directory, name, split=split[0] if split else "train", cache_dir=tempfile.mkdtemp())
    expect(len(loaded) == count, f"{len(loaded)} of {count} rows loaded")
    if file.endswith(".jsonl"):
        for number, (row, raw) in enumerate(zip(loaded, lines(file))):
            expect(row == raw, f"row {number} reads back differently")
    told = "datasets"
    if kind in ("sft", "preference", "kto", "trajectory", "prompts", "revisions") or name == "reward":
        data_utils = need("trl.data_utils")
        made = tokenizer()
        for number, row in enumerate(loaded):
            parts = {key: row[key] for key in ("messages", "prompt", "completion", "chosen", "rejected", "label", "tools") if key in row}
            expect(data_utils.is_conversational(parts), f"row {number} is no conversation to TRL")
            rendered = data_utils.maybe_apply_chat_template(parts, made)
            texts = [rendered[key] for key in ("text", "prompt", "completion", "chosen", "rejected") if key in rendered]
            expect(texts and all(texts), f"row {number} renders to nothing")
        told += ", trl.maybe_apply_chat_template"
    try:
        told += openrlhf(name, loaded)
    except Absent:
        pass
    return told


def openrlhf(name, rows):
    """OpenRLHF takes TRL's files; its flags name the columns."""
    made = tokenizer().apply_chat_template
    if name in ("preference", "reward"):
        module, keys = need("openrlhf.datasets.reward_dataset"), {"prompt_key": "prompt", "is_dpo": name == "preference"}
    elif name in ("sft", "revisions"):
        module, keys = need("openrlhf.datasets.sft_dataset"), {"input_key": "prompt", "output_key": "completion"}
    elif name == "prompts":
        module, keys = need("openrlhf.datasets.prompts_dataset"), {"input_key": "prompt", "label_key": "reference"}
    else:
        return ""
    for number, row in enumerate(rows):
        read = module.preprocess_data(row, apply_chat_template=made, **keys)
        texts = read[:1] if name == "prompts" else read[: len(read) - (len(read) == 4)]
        expect(all(texts), f"row {number} is empty to OpenRLHF")
        expect(len(read) < 4 or read[3] == row["margin"], f"row {number} loses its margin")
    return ", openrlhf preprocess_data"


def openai(_directory, kind, file, _count, host):
    rows = lines(file)
    told = []
    if host == "together":
        checked = need("together.utils.files").check_file(file)
        expect(checked["is_check_passed"], checked["message"])
        told.append("together.check_file")
    if host == "mistral":
        request, validator, messages = need(
            "mistral_common.protocol.instruct.request",
            "mistral_common.protocol.instruct.validator",
            "mistral_common.protocol.instruct.messages",
        )
        tool_calls = need("mistral_common.protocol.instruct.tool_calls")
        strict = validator.MistralRequestValidatorV3(validator.ValidationMode.finetuning)
        kinds = {
            "system": messages.SystemMessage,
            "user": messages.UserMessage,
            "assistant": messages.FinetuningAssistantMessage,
            "tool": messages.ToolMessage,
        }
        for number, row in enumerate(rows):
            try:
                made = [kinds[message["role"]](**message) for message in row["messages"]]
                strict.validate_messages(made)
                strict._validate_tools([tool_calls.Tool(**tool) for tool in row.get("tools", [])])
            except Exception as error:  # noqa: BLE001
                raise AssertionError(f"row {number}: {error}") from error
        told.append("mistral_common.MistralRequestValidatorV3(finetuning)")
    if not told or host == "fireworks":
        pydantic, chat = need("pydantic", "openai.types.chat")
        adapter = pydantic.TypeAdapter(list[chat.ChatCompletionMessageParam])
        # The types are those of requests: they know no weights, and Fireworks' reasoning is no key of OpenAI's.
        bare = lambda message: {k: v for k, v in message.items() if k not in ("weight", "reasoning_content")}  # noqa: E731
        for row in rows:
            lists = [row["messages"]] if "messages" in row else [row["input"]["messages"], row["preferred_output"], row["non_preferred_output"]]
            for messages in lists:
                # Calls are validated as they are walked.
                for message in adapter.validate_python([bare(message) for message in messages]):
                    list(message.get("tool_calls") or [])
        told.append("openai types")
    return ", ".join(told)


def sharegpt(directory, kind, file, count):
    stub("torchaudio")
    parser, converter = need("llamafactory.data.parser", "llamafactory.data.converter")
    name = os.path.basename(file).removesuffix(".jsonl").replace(".", "_")
    [attributes] = parser.get_dataset_list([name], directory)
    expect(attributes.dataset_name == os.path.basename(file), "dataset_info.json names another file")
    convert = converter.SharegptDatasetConverter(attributes, types.SimpleNamespace(media_dir=directory))
    rows = lines(file)
    converted = [convert(row) for row in rows]
    kept = [row for row in converted if row["_prompt"] and row["_response"]]
    expect(len(kept) == count, f"{count - len(kept)} of {count} rows skipped")
    return "llamafactory SharegptDatasetConverter"


def axolotl(_directory, kind, file, _count):
    made = tokenizer()
    if kind == "preference":
        strategy = need("axolotl.prompt_strategies.dpo.chat_template")
        config = {"datasets": [{"type": "chat_template.default"}], "chat_template": "tokenizer_default"}
        answer = strategy.default(need("axolotl.utils.dict").DictDefault(config))
        transform = answer[0] if isinstance(answer, tuple) else answer
        for number, row in enumerate(lines(file)):
            pair = transform(row, tokenizer=made)
            expect(pair["chosen"] and pair["rejected"] and pair["chosen"] != pair["rejected"], f"row {number}: nothing to tell apart")
        return "axolotl dpo chat_template.default"
    chat, dictionary = need("axolotl.prompt_strategies.chat_template", "axolotl.utils.dict")
    config = dictionary.DictDefault({"chat_template": "tokenizer_default", "sequence_len": 1 << 20, "train_on_inputs": False})
    strategy = chat.StrategyLoader()(made, config, {"type": "chat_template", "message_field_training": "train"})
    for number, row in enumerate(lines(file)):
        tokenized = strategy.tokenize_prompt(row)
        learned = [token for token, label in zip(tokenized["input_ids"], tokenized["labels"]) if label != -100]
        last = row["messages"][-1]["content"].strip()
        expect(learned, f"row {number}: nothing is learned")
        expect(last in made.decode(learned), f"row {number}: the answer is not learned")
    return "axolotl chat_template"


def verl(_directory, kind, file, count):
    stub("torchaudio")
    made = tokenizer()
    if kind == "prompts":
        dataset, conf = need("verl.utils.dataset.rl_dataset", "omegaconf")
        config = conf.OmegaConf.create({"max_prompt_length": 1 << 20, "filter_overlong_prompts": False, "return_raw_chat": True, "cache_dir": tempfile.mkdtemp()})
        loaded = dataset.RLHFDataset(file, made, config)
        for number in range(len(loaded)):
            expect(loaded[number]["raw_prompt"] is not None, f"row {number}: no prompt")
    elif kind == "reward":
        dataset = need("verl.utils.dataset.rm_dataset")
        loaded = dataset.RMDataset(file, made, max_length=4096)
        for number in range(len(loaded)):
            expect(loaded[number]["input_ids"].shape[0] == 2, f"row {number}: not two sides")
    else:
        # Its helper for Qwen2-VL's positions wants names that newer transformers have not: for texts it is not called.
        stub("verl.models.transformers.qwen2_vl", get_rope_index=None)
        dataset, conf = need("verl.utils.dataset.multiturn_sft_dataset", "omegaconf")
        config = conf.OmegaConf.create({"max_length": 1 << 20, "truncation": "error", "pad_mode": "no_padding", "ignore_input_ids_mismatch": True})
        loaded = dataset.MultiTurnSFTDataset(file, made, config)
        for number in range(len(loaded)):
            expect(loaded[number]["loss_mask"].sum() > 0, f"row {number}: nothing is learned")
    expect(len(loaded) == count, f"{len(loaded)} of {count} rows")
    return f"verl {type(loaded).__name__}"


def with_calls(messages):
    """What the dataset card tells users to do: the renderers take objects."""
    call = need("tinker_cookbook.renderers.base").ToolCall
    made = [{key: value for key, value in message.items() if value is not None} for message in messages]
    for message in made:
        if "tool_calls" in message:
            message["tool_calls"] = [call(**asked) for asked in message["tool_calls"]]
    return made


def tinker(_directory, kind, file, count):
    renderers = need("tinker_cookbook.renderers")
    made = tokenizer()
    if kind == "preference":
        kinds = need("tinker_cookbook.preference.types")
        renderer = kinds.ComparisonRendererFromChatRenderer(renderers.get_renderer("qwen3", made))
        for row in lines(file):
            sides = {name: with_calls(messages) for name, messages in row["comparison"].items()}
            labelled = kinds.LabeledComparison(comparison=kinds.Comparison(**sides), label=row["label"])
            renderer.to_model_input_weights(labelled)
        return "tinker_cookbook ComparisonRendererFromChatRenderer"
    data, datasets = need("tinker_cookbook.supervised.data", "datasets")
    what = renderers.TrainOnWhat.CUSTOMIZED
    renderer = renderers.get_renderer("qwen3", made)
    # As its FromConversationFileBuilder does, which wants a model's name for its tokenizer.
    for number, row in enumerate(datasets.Dataset.from_list(lines(file))):
        datum = data.conversation_to_datum(with_calls(row["messages"]), renderer, None, what)
        weights, targets = (datum.loss_fn_inputs[name].data for name in ("weights", "target_tokens"))
        learned = made.decode([token for token, weight in zip(targets, weights) if weight > 0])
        answer = "".join(part.get("text") or "" for part in row["messages"][-1]["content"])
        expect(learned and answer.strip() in learned, f"row {number}: the answer is not learned")
    return "tinker_cookbook conversation_to_datum"


def atif(_directory, _kind, file, _count):
    try:
        model = need("harbor.models.trajectories").Trajectory
    except Absent:
        model = need("atif").Trajectory
    for number, row in enumerate(lines(file)):
        try:
            model(**row)
        except Exception as error:  # noqa: BLE001
            raise AssertionError(f"row {number}: {error}") from error
    return model.__module__


def nemo_rl(_directory, kind, file, _count):
    for number, row in enumerate(lines(file)):
        if kind in ("preference", "reward"):
            ranks = [completion["rank"] for completion in row["completions"]]
            expect(sorted(ranks) == [0, 1] and all(len(c["completion"]) == 1 for c in row["completions"]), f"row {number}: not two single answers")
        else:
            expect(row["messages"] and isinstance(row["tools"], list), f"row {number}: no messages")
    raise Absent("nemo-rl: no package to be had; the documented shape holds")


LOADERS = {
    "trl": trl, "sharegpt": sharegpt, "axolotl": axolotl, "verl": verl, "tinker": tinker, "atif": atif,
    "nemo_rl": nemo_rl, "nemo-rl": nemo_rl,
}  # fmt: skip


def check(directory):
    with open(os.path.join(directory, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    form, host = manifest["options"]["format"], manifest["options"].get("host")
    results = []
    for entry in manifest["files"]:
        path = os.path.join(directory, entry["path"])
        kind = entry["path"].split(".")[0]
        if not entry.get("rows") or kind in ("rejected", "provenance", "sql"):
            continue
        label = f"{form}{'/' + host if host else ''} {entry['path']} ({entry['rows']} rows)"
        noise = io.StringIO()
        try:
            with contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise):
                if form == "openai":
                    told = openai(directory, kind, path, entry["rows"], host)
                else:
                    told = LOADERS[form](directory, kind, path, entry["rows"])
            results.append(("PASS", label, told))
        except Absent as absent:
            results.append(("SKIP", label, str(absent)))
        except Exception as error:  # noqa: BLE001 - whatever a loader raises is its answer
            results.append(("FAIL", label, f"{type(error).__name__}: {error}"))
    return results


def main():
    directories = sys.argv[1:]
    if not directories or directories[0] in ("-h", "--help"):
        print(__doc__)
        return 2
    counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    for directory in directories:
        for verdict, label, told in check(directory):
            counts[verdict] += 1
            print(f"{verdict} {label}: {told}"[:600], flush=True)
    print(f"{counts['PASS']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
