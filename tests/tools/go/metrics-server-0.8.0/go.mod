module chartroom.test/metrics-server-0.8.0

go 1.26.0

require sigs.k8s.io/metrics-server v0.8.0 // indirect
