// What runs, and where does it log?
package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
)

// Status prints a line for each part; it is an error when one does not run.
func Status(ctx context.Context) error {
	place, err := current()
	if err != nil {
		return err
	}
	nodes, err := place.nodes()
	if err != nil {
		return err
	}
	parts := []part{
		place.etcd(), place.apiserver(), place.controllers(), place.scheduler(), place.proxy(), place.dns(),
		place.registry(),
	}
	for _, node := range nodes {
		parts = append(parts, node.containerd(), node.kubelet())
	}
	var stopped []string
	for _, part := range parts {
		how := "stopped"
		if pid := place.Groups.Running(part.Program); pid == 0 {
			stopped = append(stopped, part.label())
		} else if how = fmt.Sprintf("pid %d", pid); !part.ready(ctx) {
			how += ", not ready"
		}
		fmt.Printf("  %-32s %-20s %s\n", part.label(), how, part.Log)
	}
	fmt.Println()
	place.tell()
	if len(stopped) > 0 {
		return fmt.Errorf("stopped: %s; `devcluster up` starts what is missing", strings.Join(stopped, ", "))
	}
	return nil
}

// StopAPI ends the API server, as an outage would: at once.
func StopAPI(ctx context.Context) error {
	return withAPI(ctx, func(ctx context.Context, place Place, api part) error {
		if !place.Groups.Signal(api.Program, syscall.SIGKILL) {
			return errors.New("the API server does not run: `devcluster start-api` starts it")
		}
		err := host.Until(ctx, "the API server to end", func() (bool, error) {
			return place.Groups.Running(api.Program) == 0, nil
		})
		if err == nil {
			fmt.Println("the API server is away; `devcluster start-api` brings it back")
		}
		return err
	})
}

// StartAPI starts it again.
func StartAPI(ctx context.Context) error {
	return withAPI(ctx, func(ctx context.Context, place Place, api part) error {
		_, err := place.bring(ctx, []part{api})
		return err
	})
}

func withAPI(ctx context.Context, act func(context.Context, Place, part) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	held, err := lock(ctx)
	if err != nil {
		return err
	}
	defer held.Close()
	place, err := current()
	if err != nil {
		return err
	}
	return act(ctx, place, place.apiserver())
}
