// Who listens already where a part of the cluster wants to? The kernel lists the sockets, and each process its own.
package host

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

type listener struct {
	at    netip.AddrPort
	inode string
}

// Busy names each of the addresses that cannot be listened on, and who holds it.
func Busy(wanted []string) ([]string, error) {
	var all []listener
	for _, list := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(list)
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		all = append(all, parseListeners(string(text))...)
	}
	var busy []string
	for _, one := range wanted {
		at, err := netip.ParseAddrPort(one)
		if err != nil {
			return nil, err
		}
		held := slices.IndexFunc(all, func(other listener) bool { return other.excludes(at) })
		if held >= 0 {
			busy = append(busy, one+" (held by "+holder(all[held].inode)+")")
		}
	}
	return busy, nil
}

// Who listens on every address listens on this one.
func (l listener) excludes(at netip.AddrPort) bool {
	return l.at.Port() == at.Port() && (l.at.Addr().IsUnspecified() || l.at.Addr() == at.Addr())
}

// The kernel's number for a socket that listens.
const listening = "0A"

func parseListeners(text string) []listener {
	var all []listener
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		if at, err := parseAddress(fields[1]); err == nil {
			all = append(all, listener{at: at, inode: fields[9]})
		}
	}
	return all
}

// The kernel writes an address as words in its own order, little end first.
func parseAddress(text string) (netip.AddrPort, error) {
	address, port, _ := strings.Cut(text, ":")
	bytes, err := hex.DecodeString(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for word := range slices.Chunk(bytes, 4) {
		slices.Reverse(word)
	}
	number, err := strconv.ParseUint(port, 16, 16)
	ip, ok := netip.AddrFromSlice(bytes)
	if err != nil || !ok {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", text)
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), nil
}

func holder(inode string) string {
	sockets, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, socket := range sockets {
		if to, err := os.Readlink(socket); err == nil && to == "socket:["+inode+"]" {
			process := filepath.Dir(filepath.Dir(socket))
			name, _ := os.ReadFile(filepath.Join(process, "comm"))
			return fmt.Sprintf("%s, pid %s", strings.TrimSpace(string(name)), filepath.Base(process))
		}
	}
	return "a process that is not to be seen from here"
}
