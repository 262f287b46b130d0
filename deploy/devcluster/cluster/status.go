// What runs, and where does it log?
package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
)

// Status prints a line for each part; it is an error when one does not run, or is not ready.
func Status(ctx context.Context) error {
	place, err := current()
	if err != nil {
		return err
	}
	nodes, err := place.nodes()
	if err != nil {
		return err
	}
	var away []string
	for _, part := range slices.Concat(place.stages(nodes)...) {
		how := "stopped"
		if pid := place.Groups.Running(part.Program); pid == 0 {
			away = append(away, part.label())
		} else if how = fmt.Sprintf("pid %d", pid); !part.ready(ctx) {
			how += ", not ready"
			away = append(away, part.label())
		}
		fmt.Printf("  %-32s %-20s %s\n", part.label(), how, part.Log)
	}
	fmt.Println()
	place.tell()
	if len(away) > 0 {
		return fmt.Errorf("stopped, or not ready: %s; `devcluster up` starts what is missing", strings.Join(away, ", "))
	}
	return nil
}

// StopAPI ends the API server, as an outage would: at once.
func StopAPI(ctx context.Context) error {
	return onCluster(ctx, func(place Place) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		api := place.apiserver()
		if !place.Groups.Signal(api.Program, syscall.SIGKILL) {
			return errors.New("the API server does not run: `devcluster start-api` starts it")
		}
		if err := place.gone(ctx, api); err != nil {
			return err
		}
		fmt.Println("the API server is away; `devcluster start-api` brings it back")
		return nil
	})
}

// StartAPI starts it again.
func StartAPI(ctx context.Context) error {
	return onCluster(ctx, func(place Place) error { return place.bring(ctx, []part{place.apiserver()}) })
}

// gone waits until a part that was told to end has ended.
func (p Place) gone(ctx context.Context, part part) error {
	return host.Until(ctx, part.label()+" to end", func() (bool, error) {
		return p.Groups.Running(part.Program) == 0, nil
	})
}
