// Who changes the cluster now? One command at a time holds a name that ends with its process: no file stays
// behind, and who waits is told by the kernel.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

const lockName = "@metaparticle-devcluster"

// lock waits for its turn; the turn ends when the result is closed, or with the process.
func lock(ctx context.Context) (net.Listener, error) {
	for {
		held, err := net.Listen("unix", lockName)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return held, err
		}
		fmt.Println("another devcluster command is at work: waiting for it")
		if err := holderEnds(ctx); err != nil {
			return nil, fmt.Errorf("another devcluster command is still at work: %w", err)
		}
	}
}

// The holder never accepts: the connection ends when the holder does.
func holderEnds(ctx context.Context) error {
	var dialer net.Dialer
	holder, err := dialer.DialContext(ctx, "unix", lockName)
	if err != nil {
		return ctx.Err() // it ended just now
	}
	defer holder.Close()
	stop := context.AfterFunc(ctx, func() { _ = holder.Close() })
	defer stop()
	_, _ = holder.Read(make([]byte, 1))
	return ctx.Err()
}

// exclusive acts while no other command does.
func exclusive(ctx context.Context, act func() error) error {
	held, err := lock(ctx)
	if err != nil {
		return err
	}
	defer held.Close()
	return act()
}

// onCluster acts on the cluster that is up, while no other command does.
func onCluster(ctx context.Context, act func(Place) error) error {
	return exclusive(ctx, func() error {
		place, err := current()
		if err != nil {
			return err
		}
		return act(place)
	})
}
