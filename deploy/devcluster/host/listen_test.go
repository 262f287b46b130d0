package host

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

func TestWhoHoldsAPortIsNamed(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer held.Close()
	busy, err := Busy([]string{held.Addr().String(), "127.0.0.1:1"})
	must(t, err)
	if len(busy) != 1 || !strings.Contains(busy[0], fmt.Sprintf("pid %d", os.Getpid())) {
		t.Errorf("busy: %q, and this is pid %d", busy, os.Getpid())
	}
}

func TestAListenerOnEveryAddressHoldsThisOneToo(t *testing.T) {
	for _, everywhere := range []string{"0.0.0.0:0", "[::]:0"} {
		held, err := net.Listen("tcp", everywhere)
		must(t, err)
		defer held.Close()
		here := fmt.Sprintf("127.0.0.1:%d", held.Addr().(*net.TCPAddr).Port)
		busy, err := Busy([]string{here})
		must(t, err)
		if len(busy) != 1 {
			t.Errorf("%s does not keep %s busy", everywhere, here)
		}
	}
}
