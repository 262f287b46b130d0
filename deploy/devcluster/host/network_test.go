package host

import (
	"net"
	"testing"
)

func TestRangesOverlapInBothDirectionsAndTheWayToEverywhereIsNobodys(t *testing.T) {
	pods := []*net.IPNet{network(t, "10.244.0.0/16"), network(t, "10.96.0.0/16")}
	for text, want := range map[string]bool{
		"10.244.7.0/24": true, "10.0.0.0/8": true, "10.96.0.10/32": true, "10.97.0.0/16": false, "0.0.0.0/0": false,
	} {
		if got := overlaps(network(t, text), pods); got != want {
			t.Errorf("%s overlaps: %v", text, got)
		}
	}
	if overlaps(nil, pods) {
		t.Error("a default route overlaps")
	}
}

func network(t *testing.T, text string) *net.IPNet {
	t.Helper()
	_, parsed, err := net.ParseCIDR(text)
	must(t, err)
	return parsed
}
