// Which rules of the packet filter are here, and how are ours loaded?
package host

import (
	"fmt"
	"os/exec"
	"strings"
)

// Filter loads rules of nftables.
func Filter(rules string) error {
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader(rules)
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft does not take the rules: %w: %s", err, said)
	}
	return nil
}

// Tables lists the tables of nftables, each as `family name`.
func Tables() ([]string, error) {
	said, err := nft("list", "tables")
	var tables []string
	for line := range strings.Lines(said) {
		tables = append(tables, strings.TrimPrefix(strings.TrimSpace(line), "table "))
	}
	return tables, err
}

// Chain is a chain of nftables; `Table` is `family name`.
type Chain struct {
	Table, Name string
	// Whether it drops forwarded packets that no rule of it accepts.
	DropsForwarded bool
}

// Chains lists them all; iptables' own are among them where it is a front of nftables.
func Chains() ([]Chain, error) {
	said, err := nft("list", "chains")
	return parseChains(said), err
}

func parseChains(text string) []Chain {
	var chains []Chain
	table := ""
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) > 2 && fields[0] == "table":
			table = fields[1] + " " + fields[2]
		case len(fields) > 1 && fields[0] == "chain":
			chains = append(chains, Chain{Table: table, Name: fields[1]})
		case len(chains) > 0 && strings.Contains(line, "hook forward") && strings.Contains(line, "policy drop"):
			chains[len(chains)-1].DropsForwarded = true
		}
	}
	return chains
}

// Mentions tells whether a rule of the chain has the word.
func (c Chain) Mentions(word string) (bool, error) {
	said, err := nft(append(append([]string{"list", "chain"}, strings.Fields(c.Table)...), c.Name)...)
	return strings.Contains(said, word), err
}

func nft(args ...string) (string, error) {
	said, err := exec.Command("nft", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("nft %s: %w: %s", strings.Join(args, " "), err, said)
	}
	return string(said), nil
}
