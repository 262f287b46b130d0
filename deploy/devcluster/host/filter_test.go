package host

import (
	"slices"
	"testing"
)

const chains = `table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
	chain DOCKER {
	}
}
table inet mine {
	chain forward {
		type filter hook forward priority filter; policy accept;
	}
}
`

func TestAChainThatDropsWhatIsForwardedIsFound(t *testing.T) {
	want := []Chain{
		{"ip filter", "INPUT", false}, {"ip filter", "FORWARD", true}, {"ip filter", "DOCKER", false},
		{"inet mine", "forward", false},
	}
	if got := parseChains(chains); !slices.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}
