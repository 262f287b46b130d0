// What does the cluster need of this machine's network, and how is it given back?
package host

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
)

// Taken names the addresses and the routes of this machine that overlap the ranges: traffic to them would
// be led astray. The way to everywhere overlaps all, and is none's.
func Taken(ranges ...*net.IPNet) ([]string, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, err
	}
	names := map[int]string{}
	for _, link := range links {
		names[link.Attrs().Index] = link.Attrs().Name
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, err
	}
	var taken []string
	for _, one := range addresses {
		if overlaps(one.IPNet, ranges) {
			taken = append(taken, fmt.Sprintf("%s has %s", names[one.LinkIndex], one.IPNet))
		}
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, err
	}
	for _, route := range routes {
		if overlaps(route.Dst, ranges) {
			taken = append(taken, fmt.Sprintf("a route leads %s to %s", route.Dst, names[route.LinkIndex]))
		}
	}
	return taken, nil
}

func overlaps(one *net.IPNet, ranges []*net.IPNet) bool {
	if one == nil {
		return false
	}
	if ones, _ := one.Mask.Size(); ones == 0 {
		return false
	}
	for _, other := range ranges {
		if one.Contains(other.IP) || other.Contains(one.IP) {
			return true
		}
	}
	return false
}

// Bridge makes sure that there is a bridge of this name with this address, and gives it the routes.
func Bridge(name string, address *net.IPNet, routes ...*net.IPNet) error {
	link, err := netlink.LinkByName(name)
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
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
		if err := lead(route, link); err != nil {
			return fmt.Errorf("cannot route %s to %s: %w", route, name, err)
		}
	}
	return nil
}

// lead adds a route, and never takes over somebody else's.
func lead(route *net.IPNet, link netlink.Link) error {
	wanted := netlink.Route{LinkIndex: link.Attrs().Index, Dst: route}
	err := netlink.RouteAdd(&wanted)
	if !errors.Is(err, syscall.EEXIST) {
		return err
	}
	ours, listing := netlink.RouteListFiltered(netlink.FAMILY_V4, &wanted, netlink.RT_FILTER_DST|netlink.RT_FILTER_OIF)
	if listing == nil && len(ours) > 0 {
		return nil
	}
	return errors.Join(errors.New("`ip route` has another one: take that away first"), listing)
}

// A bridge without an address of its own takes that of its first port, and neighbours would have to learn anew.
func hardware(ip net.IP) net.HardwareAddr {
	four := ip.To4()
	return net.HardwareAddr{0x0a, 0x58, four[0], four[1], four[2], four[3]}
}

// Bridges lists the interfaces whose names begin so.
func Bridges(prefix string) ([]string, error) {
	links, err := netlink.LinkList()
	var names []string
	for _, link := range links {
		if name := link.Attrs().Name; strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, err
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
