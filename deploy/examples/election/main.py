# How does a program in Python stand in an election? It asks the elector beside it, and asks again every ten seconds.
import time
import urllib.error
import urllib.request

LOCK = "http://localhost:13131/locks/example-election"


def ask(method):
    try:
        with urllib.request.urlopen(urllib.request.Request(LOCK, method=method), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


while ask("PUT") != 200:
    print("another leads", flush=True)
    time.sleep(10)
print("leading", flush=True)
while ask("PUT") == 200:
    time.sleep(10)
raise SystemExit("lost: this program ends, and stops working by that")
