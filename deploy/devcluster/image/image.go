// How does a static program become an image in the registry? One layer with one file, a configuration and a
// manifest, each stored under its digest.
package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
)

const (
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
	configType   = "application/vnd.oci.image.config.v1+json"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

// Push makes an image of nothing but the program, and stores it as `registry/name:tag`.
func Push(ctx context.Context, registry, name, tag, program string) error {
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	layer, unpacked, err := pack(name, binary)
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": []string{"/" + name}, "User": "65535:65535"},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{unpacked}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2,
		"mediaType":     manifestType,
		"config":        describe(configType, config),
		"layers":        []descriptor{describe(layerType, layer)},
	})
	if err != nil {
		return err
	}
	to := "http://" + registry + "/v2/" + name
	for _, blob := range [][]byte{layer, config} {
		if err := upload(ctx, to, blob); err != nil {
			return err
		}
	}
	_, err = send(ctx, http.MethodPut, to+"/manifests/"+tag, manifestType, manifest)
	return err
}

// pack gives the layer, and the digest of what it unpacks to.
func pack(name string, binary []byte) (layer []byte, unpacked string, err error) {
	var plain, packed bytes.Buffer
	archive := tar.NewWriter(&plain)
	header := tar.Header{Name: name, Mode: 0o755, Size: int64(len(binary))}
	if err := archive.WriteHeader(&header); err != nil {
		return nil, "", err
	}
	if _, err := archive.Write(binary); err != nil {
		return nil, "", err
	}
	if err := archive.Close(); err != nil {
		return nil, "", err
	}
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(plain.Bytes()); err != nil {
		return nil, "", err
	}
	if err := zip.Close(); err != nil {
		return nil, "", err
	}
	return packed.Bytes(), digest(plain.Bytes()), nil
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

func describe(kind string, content []byte) descriptor {
	return descriptor{MediaType: kind, Digest: digest(content), Size: len(content)}
}

func upload(ctx context.Context, to string, blob []byte) error {
	answer, err := send(ctx, http.MethodPost, to+"/blobs/uploads/", "", nil)
	if err != nil {
		return err
	}
	where, err := answer.Location()
	if err != nil {
		return fmt.Errorf("the registry does not say where to upload: %w", err)
	}
	where.RawQuery += "&digest=" + url.QueryEscape(digest(blob))
	_, err = send(ctx, http.MethodPut, where.String(), "application/octet-stream", blob)
	return err
}

func send(ctx context.Context, method, to, kind string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if kind != "" {
		request.Header.Set("content-type", kind)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 4096))
	if answer.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, to, answer.Status, said)
	}
	return answer, nil
}
