package host

import (
	"slices"
	"testing"
)

const mountinfo = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:26 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw
41 22 0:40 / /run/a\040b/netns rw - nsfs nsfs rw
42 22 0:41 / /run/abc rw - tmpfs tmpfs rw
`

func TestMountsAreReadWithAndWithoutOptionalFields(t *testing.T) {
	want := []Mount{
		{"/", "ext4"}, {"/sys/fs/cgroup/unified", "cgroup2"}, {"/run/a b/netns", "nsfs"}, {"/run/abc", "tmpfs"},
	}
	if got := parseMounts(mountinfo); !slices.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}

func TestOnlyWhatIsUnderAFolderIsBelowIt(t *testing.T) {
	mounts := parseMounts(mountinfo)
	if got := Below(mounts, "/run/a b"); len(got) != 1 || got[0].Type != "nsfs" {
		t.Errorf("below /run/a b: %v", got)
	}
	if got := Below(mounts, "/run/ab"); len(got) != 0 {
		t.Errorf("a name that only begins alike is below: %v", got)
	}
}
