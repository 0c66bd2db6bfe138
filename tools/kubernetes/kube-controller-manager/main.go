// Command kube-controller-manager runs three of Kubernetes' own controllers, which every namespace relies on: the one
// that removes it, the one that gives it its default service account, and the garbage collector. The whole
// controller manager has some fifty, with 300 packages more, for what a sandbox does not have: nodes, volumes, pods
// that run. It takes those of the whole one's flags that the sandbox sets, and refuses another value of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

// The values below are the defaults of the whole controller manager.
const (
	resync          = 12 * time.Hour
	namespaceResync = 5 * time.Minute
	namespaceSyncs  = 10
	discoverySync   = 30 * time.Second
	queries, burst  = 20, 30
)

var controllers = []string{"garbage-collector-controller", "namespace-controller", "serviceaccount-controller"}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	chosen := flag.String("controllers", "", "exactly "+strings.Join(controllers, ","))
	port := flag.Int("secure-port", 0, "only 0: nothing is served")
	elect := flag.Bool("leader-elect", false, "only false: there is one")
	collectors := flag.Int("concurrent-gc-syncs", 20, "how many objects are collected at a time")
	asked := flag.Bool("version", false, "print the version")
	klog.InitFlags(nil)
	flag.Parse()
	if *asked {
		fmt.Println("Kubernetes", version.Get().GitVersion)
		return
	}
	names := strings.Split(*chosen, ",")
	slices.Sort(names)
	if !slices.Equal(names, controllers) || *port != 0 || *elect {
		fmt.Fprintln(os.Stderr, "this kube-controller-manager was built for a sandbox: it has only --controllers="+
			strings.Join(controllers, ",")+" --secure-port=0 --leader-elect=false")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *kubeconfig, *collectors); err != nil {
		klog.ErrorS(err, "The controllers do not start")
		klog.FlushAndExit(klog.ExitFlushTimeout, 1)
	}
}

func run(ctx context.Context, kubeconfig string, collectors int) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, objects, err := clients(config, 1, 2)
	if err != nil {
		return err
	}
	// It asks for every kind of object in a namespace, and deletes each: slow at the usual rate.
	emptier, emptied, err := clients(config, 20, 100)
	if err != nil {
		return err
	}
	shared := informers.NewSharedInformerFactory(client, resync)
	started := make(chan struct{})

	removal := namespace.NewNamespaceController(
		ctx, emptier, emptied, emptier.Discovery().ServerPreferredNamespacedResources,
		shared.Core().V1().Namespaces(), namespaceResync, corev1.FinalizerKubernetes,
	)
	accounts, err := serviceaccount.NewServiceAccountsController(
		klog.FromContext(ctx), shared.Core().V1().ServiceAccounts(), shared.Core().V1().Namespaces(), client,
		serviceaccount.DefaultServiceAccountsControllerOptions(),
	)
	if err != nil {
		return err
	}
	all := informerfactory.NewInformerFactory(shared, metadatainformer.NewSharedInformerFactory(objects, resync))
	garbage, err := garbagecollector.NewGarbageCollector(
		ctx, client, objects,
		restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery())),
		garbagecollector.DefaultIgnoredResources(), all, started,
	)
	if err != nil {
		return err
	}
	all.Start(ctx.Done())
	close(started)

	var running sync.WaitGroup
	running.Go(func() { removal.Run(ctx, namespaceSyncs) })
	running.Go(func() { accounts.Run(ctx, 1) })
	running.Go(func() { garbage.Run(ctx, collectors, discoverySync) })
	running.Go(func() { garbage.Sync(ctx, client.Discovery(), discoverySync) })
	running.Wait()
	return nil
}

// clients are the two that a controller works with, at a multiple of the usual rates.
func clients(config *rest.Config, moreQueries float32, moreBurst int) (
	*kubernetes.Clientset, metadata.Interface, error,
) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = queries*moreQueries, burst*moreBurst
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, err
	}
	objects, err := metadata.NewForConfig(config)
	return client, objects, err
}
