"""What does the published library find where it asks for Docker? Somebody who builds images without it.

`build` remembers what the Dockerfile runs, `push` has the image made and pushed by the program that STAND_IN names.
In a pod nobody asks.
"""

import json
import os
import subprocess


class APIClient:
    def __init__(self, version=None):
        self.built = {}

    def build(self, path, tag, encoding):
        with open(os.path.join(path, "Dockerfile")) as file:
            command = [line for line in file if line.startswith("CMD ")][-1].split()[2:]
        self.built[tag] = (path, command)
        yield self.say(stream="built " + tag)

    def push(self, image, stream):
        path, command = self.built[image]
        subprocess.check_call([os.environ["STAND_IN"], path, image] + command)
        yield self.say(status="pushed " + image)

    @staticmethod
    def say(**line):
        return json.dumps(line).encode()
