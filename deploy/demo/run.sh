#!/usr/bin/env bash
# What does the gateway do in a cluster? A cluster on this machine, two gateways in it from deploy/base, the
# three examples, and what to curl. Run again, it changes what is different. `make cluster-down` ends it.
set -euo pipefail
cd "$(dirname "$0")/../.."
registry=${REGISTRY:-127.0.0.1:5000} out=target/demo
if [ "${CLUSTER:-}" != existing ]; then
    make --no-print-directory cluster
    KUBECONFIG=$PWD/target/devcluster/state/admin.kubeconfig
    export KUBECONFIG PATH=$PWD/target/devcluster/bin:$PATH
fi

image() { # image PACKAGE PROGRAM: makes it, and gives its name
    echo "== an image of $2" >&2
    ${CARGO:-cargo} run -q -p metaparticle-image -- "$1" "$2" "$registry"
}

kustomization() { # kustomization FOLDER NAMESPACE IMAGE REFERENCE RESOURCE…
    local folder=$out/$1 namespace=$2 image=$3 reference=$4
    shift 4
    mkdir -p "$folder"
    {
        echo "namespace: $namespace"
        echo "resources:"
        printf -- '- ../../../deploy/%s\n' "$@"
        echo "images:"
        echo "- { name: $image, newName: ${reference%@*}, digest: ${reference#*@} }"
    } >"$folder/kustomization.yaml"
}

gateway=$(image metaparticle-gateway metaparticle-gateway)
example=$(image metaparticle-example example)
kustomization gateway metaparticle metaparticle-gateway "$gateway" base
kustomization examples examples metaparticle-example "$example" examples/spread examples/shard examples/scatter

echo "== two gateways"
kubectl apply -k $out/gateway
kubectl -n metaparticle rollout status deployment/metaparticle-gateway --timeout=120s
echo "== the examples"
kubectl get namespace examples >/dev/null 2>&1 || kubectl create namespace examples
kubectl apply -k $out/examples
kubectl -n examples rollout status deployment/spread statefulset/shard statefulset/scatter --timeout=120s

address=$(kubectl -n metaparticle get service metaparticle-gateway -o 'jsonpath={.spec.clusterIP}')
cat <<TEXT

Try it:

  export KUBECONFIG=$KUBECONFIG
  curl -i -H 'host: spread.example'  http://$address/                # one of three replicas
  curl -i -H 'host: shard.example'   http://$address/users/alice     # alice's shard, always the same
  curl -i -H 'host: scatter.example' http://$address/items           # three shards asked at once, one list
  kubectl -n examples annotate service shard --overwrite metaparticle.io/shard-key=pth:x
  kubectl -n examples describe service shard                         # an Event says what is wrong

\`make cluster-down\` ends all of it.
TEXT
