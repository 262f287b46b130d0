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
	"time"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
)

// Down ends everything; run twice, it finds nothing the second time. The state folder is the one that `up`
// wrote down; after a reboot, which forgets that, it is the one named here.
func Down(ctx context.Context, state string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return exclusive(ctx, func() error {
		now, err := current()
		known := err == nil
		if errors.Is(err, ErrNone) {
			fmt.Println("no cluster is up")
			now, err = unknown(state)
		}
		if err != nil {
			return err
		}
		if err := now.remove(ctx, known); err != nil {
			return fmt.Errorf("%w\nrun `devcluster down` again: what is gone stays gone", err)
		}
		fmt.Println("down: processes, mounts, interfaces, rules and state are gone")
		return nil
	})
}

// unknown is a cluster that nobody wrote down here: it may have a state folder, if it has the mark.
func unknown(state string) (Place, error) {
	state, err := resolved(state)
	if err == nil {
		err = usable(state)
	}
	if err != nil {
		return Place{}, err
	}
	if !marked(state) {
		state = ""
	}
	return place(state)
}

// remove goes from what moves to what rests, and does all it can. The run folder is last: while it is there,
// `down` can be run again.
func (p Place) remove(ctx context.Context, known bool) error {
	killed, err := p.Groups.Kill(ctx)
	err = errors.Join(err,
		host.Unmount(runFolder),
		p.release(),
		host.RemoveBridges(bridges),
		removeTables(known),
		p.Groups.Remove(ctx),
		needs.Restore(beforeFile()))
	if err == nil {
		err = os.RemoveAll(runFolder)
	}
	// That init is slow, or takes nobody from its list, is no fault of this machine's cleanness.
	shortly, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if late := host.Reaped(shortly, killed); late != nil {
		fmt.Printf("processes have ended, but `ps` lists them as defunct: %v\n", late)
	}
	return err
}

// removeTables takes kube-proxy's only away when there was a cluster of ours: `up` makes sure that they are
// not somebody else's. Ours may have been flushed.
func removeTables(known bool) error {
	tables, err := host.Tables()
	if err != nil {
		return err
	}
	ours := []string{"ip " + ourTable}
	if known || slices.Contains(tables, ours[0]) {
		ours = append(ours, "ip "+proxyTable, "ip6 "+proxyTable)
	}
	var rules strings.Builder
	for _, table := range tables {
		if slices.Contains(ours, table) {
			fmt.Fprintf(&rules, "delete table %s\n", table)
		}
	}
	return host.Filter(rules.String())
}
