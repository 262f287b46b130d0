// What does the cluster need of this machine's network, and how is it given back?
package host

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink"
)

// Bridge makes sure that there is a bridge of this name with this address, and gives it the routes.
func Bridge(name string, address *net.IPNet, routes ...*net.IPNet) error {
	link, err := netlink.LinkByName(name)
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
		if err := freeOf(address); err != nil {
			return err
		}
		link = &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name, HardwareAddr: hardware(address.IP)}}
		if err := netlink.LinkAdd(link); err != nil {
			return fmt.Errorf("cannot make the bridge %s: %w", name, err)
		}
	} else if err != nil {
		return err
	}
	if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: address}); err != nil {
		return fmt.Errorf("cannot give %s the address %s: %w", name, address, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("cannot bring %s up: %w", name, err)
	}
	for _, route := range routes {
		if err := netlink.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: route}); err != nil {
			return fmt.Errorf("cannot route %s to %s: %w", route, name, err)
		}
	}
	return nil
}

// A bridge without an address of its own takes that of its first port, and neighbours would have to learn anew.
func hardware(ip net.IP) net.HardwareAddr {
	four := ip.To4()
	return net.HardwareAddr{0x0a, 0x58, four[0], four[1], four[2], four[3]}
}

func freeOf(wanted *net.IPNet) error {
	taken, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, one := range taken {
		if wanted.Contains(one.IP) || one.Contains(wanted.IP) {
			return fmt.Errorf("%s is in use here (%s has %s), and the cluster wants it for its pods: take that interface down first",
				wanted, one.Label, one.IPNet)
		}
	}
	return nil
}

// RemoveBridges takes away the bridges whose names begin so, and the pods' cables in them.
func RemoveBridges(prefix string) error {
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	ours := map[int]bool{}
	for _, link := range links {
		if link.Type() == "bridge" && strings.HasPrefix(link.Attrs().Name, prefix) {
			ours[link.Attrs().Index] = true
		}
	}
	for _, link := range links {
		attrs := link.Attrs()
		if !ours[attrs.Index] && !ours[attrs.MasterIndex] {
			continue
		}
		// The kernel takes a pod's cable away itself, a moment after the pod.
		if err := netlink.LinkDel(link); err != nil && exists(attrs.Index) {
			return fmt.Errorf("cannot delete the interface %s: %w", attrs.Name, err)
		}
	}
	return nil
}

func exists(index int) bool {
	_, err := netlink.LinkByIndex(index)
	return err == nil
}

// Filter loads rules of nftables.
func Filter(rules string) error {
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader(rules)
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft does not take the rules (on Debian: apt-get install nftables): %w: %s", err, said)
	}
	return nil
}

// Tables lists the tables of nftables, each as `family name`.
func Tables() ([]string, error) {
	said, err := exec.Command("nft", "list", "tables").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("cannot list the tables of nftables (on Debian: apt-get install nftables): %w: %s", err, said)
	}
	var tables []string
	for line := range strings.Lines(string(said)) {
		tables = append(tables, strings.TrimPrefix(strings.TrimSpace(line), "table "))
	}
	return tables, nil
}
