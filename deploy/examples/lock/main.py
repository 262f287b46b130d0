# How does a program in Python take a lock? It asks the elector beside it, and asks again every ten seconds.
import time
import urllib.error
import urllib.request

LOCK = "http://localhost:13131/locks/example-lock"


def ask(method):
    try:
        with urllib.request.urlopen(urllib.request.Request(LOCK, method=method), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


while ask("PUT") != 200:
    print("another has it", flush=True)
    time.sleep(10)
print("holding it", flush=True)
while ask("PUT") == 200:
    time.sleep(10)
raise SystemExit("lost: this program ends, and stops working by that")
