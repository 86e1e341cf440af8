"""The four questions of the yardstick, as scenario files: always the same.

    python scenarios.py FOLDER
"""

import pathlib
import sys

LANGUAGE = [
    "qwen3-0.6b", "llama-3.2-1b-instruct", "gemma-3-1b-it", "qwen3-1.7b", "llama-3.2-3b-instruct", "qwen3-4b-instruct-2507",
]
NETWORKS = ["YOLO11n", "YOLO11s", "YOLO11m", "whisper-tiny", "whisper-base", "whisper-small"]


def workload(number):
    """A language model for two workloads in five, else a detector or a speech recogniser."""
    name = f"w{number}"
    if number % 5 < 2:
        model = LANGUAGE[number * 7 % len(LANGUAGE)]
        context, rate, duty = 1024 * (1 + number % 4), 4 + number % 5, 10 + number * 11 % 30
        return (f"      - {{ name: {name}, model: {model}, context: {context}, "
                f"targets: {{ decode_tok_s: {rate} }}, duty: {duty}% }}\n")
    model = NETWORKS[number * 5 % len(NETWORKS)]
    target = "realtime_factor: 0.5" if model.startswith("whisper") else f"inferences_s: {2 + number % 7}"
    return f"      - {{ name: {name}, model: {model}, targets: {{ {target} }}, duty: {20 + number * 13 % 60}% }}\n"


def one_site(name, workloads, devices):
    text = f"scenario: {name}\nlimits: {{ devices: {devices} }}\nallow: {{ unverified: true }}\n"
    return text + "sites:\n  - name: unit\n    workloads:\n" + "".join(workload(n) for n in range(workloads))


def fleet(sites):
    text = f"scenario: fleet of {sites}\nallow: {{ unverified: true }}\nfleet: {{ max_skus: 3 }}\nsites:\n"
    for site in range(sites):
        text += f"  - name: site{site}\n    count: {[1, 3, 10, 40, 150][site * 3 % 5]}\n    workloads:\n"
        text += workload(site * 7) + workload(site * 7 + 3)
    return text


ROBOT = """scenario: robot with up to three boards
limits: { devices: 3, price_usd: 2500, power_w: 75 }
allow: { unverified: true }
sites:
  - name: unit
    workloads:
      - name: talk
        model: Qwen/Qwen3-4B-Instruct-2507
        context: 4096
        prompt: 512
        targets: { decode_tok_s: 10, ttft_s: 5 }
        duty: 30%
      - { name: hear, model: openai/whisper-small, targets: { realtime_factor: 0.5 }, duty: 50% }
      - { name: see, model: ultralytics/YOLO11s, targets: { inferences_s: 10, latency_s: 0.2 } }
"""

# Devices and what one costs from 1, 50 and 500 pieces on.
BREAKS = {
    "mac-mini-m4-16gb": (799, 749, 719),
    "jetson-orin-nano-super-devkit": (399, 369, 345),
    "beelink-ser8-8845hs-32gb": (779, 719, 675),
    "radxa-dragon-q6a-8gb": (141, 132, 120),
    "raspberry-pi-5-16gb": (217, 209, 198),
}


def prices():
    rows = [(device, price, least) for device, by in BREAKS.items() for price, least in zip(by, (1, 50, 500))]
    return "device,price_usd,min_quantity\n" + "".join(f"{d},{p}.00,{q}\n" for d, p, q in rows)


def write(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "robot.yaml": ROBOT,
        "twenty.yaml": one_site("twenty workloads", 20, 4),
        "hundred.yaml": one_site("a hundred workloads", 100, 20),
        "fleet.yaml": fleet(50),
        "fleet.csv": prices(),
    }
    for name, text in files.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    write(sys.argv[1])
