package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"testing"
)

func TestALayerHoldsTheProgramAndNothingElse(t *testing.T) {
	layer, unpacked, err := pack("pause", []byte("program"))
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	if digest(plain) != unpacked {
		t.Error("the digest is not of what the layer unpacks to")
	}
	archive := tar.NewReader(bytes.NewReader(plain))
	header, err := archive.Next()
	if err != nil {
		t.Fatal(err)
	}
	content, _ := io.ReadAll(archive)
	if header.Name != "pause" || header.Mode != 0o755 || string(content) != "program" {
		t.Errorf("%s, %o, %q", header.Name, header.Mode, content)
	}
	if _, err := archive.Next(); err != io.EOF {
		t.Errorf("there is more: %v", err)
	}
}

func TestTheSameProgramIsTheSameLayer(t *testing.T) {
	first, _, err := pack("pause", []byte("program"))
	if err != nil {
		t.Fatal(err)
	}
	second, _, _ := pack("pause", []byte("program"))
	if !bytes.Equal(first, second) {
		t.Error("packed again, it is another one: every start would push anew")
	}
}
