"""Copies a library to a directory with the official SDK, as one would without a mount.

Usage: BAYT_API_KEY=… sdk_copy.py URL DIRECTORY THREADS
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from baytos.claro import BaytClient

url, root, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = BaytClient(base_url=url)


def published():
    """The newest version of each prompt of the library."""
    cursor = None
    while True:
        page = client.list_prompts(limit=100, cursor=cursor)
        yield from (prompt for prompt in page["prompts"] if prompt.namespace == "library")
        cursor = page["cursor"]
        if not page["hasMore"]:
            return


def copy(slug, version):
    prompt = client.get_prompt(f"@library/{slug}:{version}")
    directory = f"{root}/{slug}/{version}"
    os.makedirs(directory)
    texts = {"content.md": prompt.generator, "system.md": prompt.system, "critique.md": prompt.critique}
    texts["metadata.json"] = json.dumps({"title": prompt.title, "version": prompt.version}, indent=2)
    for name, text in texts.items():
        if text:
            with open(f"{directory}/{name}", "w") as file:
                file.write(text)
    for item in prompt.get_file_contexts():
        os.makedirs(f"{directory}/context", exist_ok=True)
        with open(f"{directory}/context/{item.file_name}", "wb") as file:
            file.write(client.download_context_file(item.id))


with ThreadPoolExecutor(threads) as pool:
    work = [
        pool.submit(copy, prompt.slug, f"v{number}")
        for prompt in published()
        for number in range(1, int(prompt.version[1:]) + 1)
    ]
    for one in work:
        one.result()
