// What makes a node, and how does one more join?
package cluster

import (
	"context"
	"fmt"
	"net"

	"github.com/metaparticle-io/metaparticle/deploy/devcluster/host"
)

const ourTable = "metaparticle_devcluster"

// kube-proxy's own name for its tables.
const proxyTable = "kube-proxy"

// prepare makes the bridge, the groups, the files and the identity of a node.
func (n node) prepare() error {
	var routes []*net.IPNet
	if n.Index == 0 {
		// This machine reaches services too, and pods see it come from the bridge.
		routes = append(routes, network(serviceRange))
	}
	if err := host.Bridge(n.bridge(), n.bridgeAddress(), routes...); err != nil {
		return err
	}
	if err := n.Groups.Make(n.name()); err != nil {
		return err
	}
	if err := n.identify(); err != nil {
		return err
	}
	return n.configure()
}

func (p Place) filter() error {
	rules, err := render("rules.nft", map[string]any{
		"Table": ourTable, "Pods": podRange, "Services": serviceRange, "Bridges": bridges,
	})
	if err != nil {
		return err
	}
	return host.Filter(rules)
}

// AddNode starts one more kubelet on this machine.
func AddNode(ctx context.Context) error {
	return onCluster(ctx, func(place Place) error {
		nodes, err := place.nodes()
		if err != nil {
			return err
		}
		added := node{Place: place, Index: len(nodes)}
		if err := place.unheard(append(nodes, added)); err != nil {
			return err
		}
		if err := added.prepare(); err != nil {
			return err
		}
		for _, each := range []part{added.containerd(), added.kubelet()} {
			if err := place.bring(ctx, []part{each}); err != nil {
				return err
			}
		}
		if err := place.prove(ctx, []node{added}); err != nil {
			return err
		}
		fmt.Printf("%s is a node of the cluster\n", added.name())
		return nil
	})
}
