// What was asked for: a command of the development cluster, or, under its own name, one of the programs
// that a cluster is made of?
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/cluster"
)

const usage = `A real Kubernetes on this machine: etcd, control plane, kubelet, containerd, registry, DNS.

  devcluster up [--state DIR]   start it, or what of it does not run, and wait until a pod has run
  devcluster down [--state DIR] end it, and leave nothing behind
  devcluster status             what runs, and where it logs (code 3: no cluster is up)
  devcluster stop-api           end the API server alone: an outage
  devcluster start-api          start it again, and wait until it is ready
  devcluster add-node           one more kubelet, with a containerd and a bridge of its own

Called as kubectl, it is kubectl of the same version.
`

func main() {
	if err := cluster.Surroundings(); err != nil {
		fmt.Fprintf(os.Stderr, "devcluster: %v\n", err)
		os.Exit(1)
	}
	if run, known := programs[filepath.Base(os.Args[0])]; known {
		run()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "devcluster: %v\n", err)
		switch {
		case errors.Is(err, errUsage):
			fmt.Fprint(os.Stderr, "\n", usage)
			os.Exit(2)
		case errors.Is(err, cluster.ErrNone):
			os.Exit(3)
		}
		os.Exit(1)
	}
}

var errUsage = errors.New("this is not a command")

func command(ctx context.Context, args []string) error {
	verb, state, err := parse(args)
	if err != nil {
		return err
	}
	switch verb {
	case "up":
		return cluster.Up(ctx, state)
	case "down":
		return cluster.Down(ctx, state)
	case "status":
		return cluster.Status(ctx)
	case "stop-api":
		return cluster.StopAPI(ctx)
	case "start-api":
		return cluster.StartAPI(ctx)
	case "add-node":
		return cluster.AddNode(ctx)
	case "help", "-h", "--help":
		fmt.Print(usage)
		return nil
	}
	return fmt.Errorf("%w: %q", errUsage, verb)
}

// parse finds the verb, and the state folder where one may be named.
func parse(args []string) (verb, state string, err error) {
	switch {
	case len(args) == 0:
		return "help", "", nil
	case len(args) == 1:
		return args[0], cluster.DefaultState, nil
	case len(args) == 3 && (args[0] == "up" || args[0] == "down") && args[1] == "--state":
		return args[0], args[2], nil
	}
	return "", "", fmt.Errorf("%w: %q", errUsage, args)
}
