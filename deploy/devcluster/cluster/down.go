// How does a cluster end without a trace? Everything it leaves has a fixed place or a fixed name, so nothing
// of it needs to be alive, or even whole, to be taken away.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
)

// Down ends everything; run twice, it finds nothing the second time.
func Down(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	held, err := lock(ctx)
	if err != nil {
		return err
	}
	defer held.Close()
	found, err := current()
	if errors.Is(err, errNone) {
		// Nobody knows where one lived, if there was one; but its names are known.
		fmt.Println("no cluster is up")
		found, err = place("")
	}
	if err != nil {
		return err
	}
	if err := found.remove(ctx); err != nil {
		return fmt.Errorf("%w\nrun `devcluster down` again: what is gone stays gone", err)
	}
	fmt.Println("down: processes, mounts, interfaces, rules and state are gone")
	return nil
}

// remove goes from what moves to what rests. The run folder is last: while it is there, `down` can be run again.
func (p Place) remove(ctx context.Context) error {
	if err := p.Groups.Kill(ctx); err != nil {
		return err
	}
	for _, folder := range p.own() {
		if err := host.Unmount(folder); err != nil {
			return err
		}
	}
	if err := host.RemoveBridges(bridges); err != nil {
		return err
	}
	if err := removeTables(); err != nil {
		return err
	}
	if err := p.Groups.Remove(ctx); err != nil {
		return err
	}
	if err := host.Restore(beforeFile()); err != nil {
		return err
	}
	for _, folder := range p.own() {
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	return nil
}

func (p Place) own() []string {
	if p.State == "" {
		return []string{runFolder}
	}
	return []string{p.State, runFolder}
}

// removeTables takes away kube-proxy's only beside our own: alone, they are those of some other cluster.
func removeTables() error {
	tables, err := host.Tables()
	if err != nil || !slices.Contains(tables, "ip "+ourTable) {
		return err
	}
	ours := []string{"ip " + ourTable, "ip " + proxyTable, "ip6 " + proxyTable}
	var rules strings.Builder
	for _, table := range tables {
		if slices.Contains(ours, table) {
			fmt.Fprintf(&rules, "delete table %s\n", table)
		}
	}
	return host.Filter(rules.String())
}
