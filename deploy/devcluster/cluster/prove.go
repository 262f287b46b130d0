// Does it work? A node says that it is ready, and a pod of our own runs on it.
package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/go-logr/logr"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/klog/v2"
)

func (p Place) client() (*kubernetes.Clientset, error) {
	// What ends a watch is told as our error; the library would print it as its own, too.
	klog.SetLogger(logr.Discard())
	config, err := clientcmd.BuildConfigFromFlags("", p.Kubeconfig("admin"))
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

// apply gives the cluster the objects that it has from its first hour; kubectl knows how.
func (p Place) apply(ctx context.Context) error {
	objects, err := render("objects.yaml", map[string]any{"DNS": dnsService, "Address": address})
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, self, "apply", "--server-side", "--force-conflicts", "--filename=-",
		"--kubeconfig="+p.Kubeconfig("admin"))
	command.Args[0] = "kubectl"
	command.Stdin = bytes.NewBufferString(objects)
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot create the cluster's first objects: %w: %s", err, said)
	}
	return nil
}

// prove waits for each node, and runs a pod on it.
func (p Place) prove(ctx context.Context, nodes []node) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := p.client()
	if err != nil {
		return err
	}
	for _, node := range nodes {
		begun := time.Now()
		if err := node.awaitReady(ctx, client); err != nil {
			return err
		}
		fmt.Printf("  %-32s Ready after %.1f s\n", "node "+node.name(), time.Since(begun).Seconds())
		begun = time.Now()
		if err := node.runPod(ctx, client); err != nil {
			return err
		}
		fmt.Printf("  %-32s ran after %.1f s\n", "a pod on "+node.name(), time.Since(begun).Seconds())
	}
	return nil
}

func (n node) awaitReady(ctx context.Context, client *kubernetes.Clientset) error {
	nodes := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "nodes", "", named(n.name()))
	err := until(ctx, nodes, &core.Node{}, func(node *core.Node) bool {
		for _, condition := range node.Status.Conditions {
			if condition.Type == core.NodeReady {
				return condition.Status == core.ConditionTrue
			}
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("the node %s is not ready (`kubectl describe node` says why; log: %s): %w",
			n.name(), n.kubelet().Log, err)
	}
	return nil
}

var proof = map[string]string{"devcluster": "proof"}

// runPod passes by the scheduler: each node is to be proved, full or not.
func (n node) runPod(ctx context.Context, client *kubernetes.Clientset) error {
	// A pod is refused until its account is there, and waits for long if the certificate is not.
	accounts := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "serviceaccounts", "default", named("default"))
	hasAccount := until(ctx, accounts, &core.ServiceAccount{}, func(*core.ServiceAccount) bool { return true })
	certificates := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "configmaps", "default", named("kube-root-ca.crt"))
	hasCertificate := until(ctx, certificates, &core.ConfigMap{}, func(*core.ConfigMap) bool { return true })
	if err := errors.Join(hasAccount, hasCertificate); err != nil {
		return fmt.Errorf("nobody prepares namespaces for pods (log: %s): %w", n.controllers().Log, err)
	}
	pods := client.CoreV1().Pods("default")
	pod := &core.Pod{
		ObjectMeta: meta.ObjectMeta{GenerateName: "devcluster-proof-", Labels: proof},
		Spec: core.PodSpec{
			NodeName:   n.name(),
			Containers: []core.Container{{Name: "pause", Image: pauseImage}},
		},
	}
	pod, err := pods.Create(ctx, pod, meta.CreateOptions{})
	if err != nil {
		return err
	}
	running := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "pods", "default", named(pod.Name))
	err = until(ctx, running, &core.Pod{}, func(pod *core.Pod) bool { return pod.Status.Phase == core.PodRunning })
	if err != nil {
		return fmt.Errorf("no pod runs (`kubectl describe pod %s` says why; logs: %s, %s): %w",
			pod.Name, n.kubelet().Log, n.containerd().Log, err)
	}
	atOnce := int64(0)
	// Also those of an `up` that was killed.
	return pods.DeleteCollection(ctx, meta.DeleteOptions{GracePeriodSeconds: &atOnce},
		meta.ListOptions{LabelSelector: labels.SelectorFromSet(proof).String()})
}

func named(name string) fields.Selector { return fields.OneTermEqualSelector("metadata.name", name) }

// until watches until an object is as wanted.
func until[T runtime.Object](ctx context.Context, source cache.ListerWatcher, kind T, wanted func(T) bool) error {
	_, err := watchtools.UntilWithSync(ctx, source, kind, nil, func(event watch.Event) (bool, error) {
		object, fits := event.Object.(T)
		return fits && event.Type != watch.Deleted && wanted(object), nil
	})
	return err
}
