//! Every option, one row each: the command line, the environment, the config file, `--help`, the completions of a shell
//! and `docs/flags.md` are generated from this table. Names, types and defaults are those of docs/chartmuseum.md 8.2,
//! except where a row's meaning says otherwise.

use State::{Built, Common, Deprecated, Later, OnlyWith};

/// How an option's value is written (Go's syntaxes, docs/chartmuseum.md 8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `1 t T true TRUE True 0 f F false FALSE False`.
    Bool,
    /// A signed whole number: decimal, `0x…`, `0…` octal.
    Int,
    /// Any text.
    Text,
    /// `300ms`, `1.5h`, `1h2m3s`, `0`.
    Duration,
    /// `VALUE` or `KEY=VALUE`; the flag may be repeated.
    KeyValue,
}

/// The support of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It works and is one of the most used: `--help` has it; `--help-all` has them all.
    Common,
    /// It works.
    Built,
    /// It never has an effect; setting it is worth a warning.
    Deprecated,
    /// Not supported yet; setting it is refused.
    Later,
    /// It only tunes what this other setting turns on, which does not exist yet; setting it is worth a warning.
    OnlyWith(&'static str),
}

/// One option.
#[derive(Debug, PartialEq, Eq)]
pub struct Opt {
    /// Heading it stands under.
    pub heading: &'static str,
    /// Name on the command line, without dashes.
    pub flag: &'static str,
    /// Name in the environment.
    pub env: &'static str,
    /// Dotted lower-case name in the config file; empty if it has none.
    pub key: &'static str,
    /// How its value is written.
    pub kind: Kind,
    /// Its default, as it would be written.
    pub default: &'static str,
    /// Its support.
    pub state: State,
    /// What it does, in a phrase.
    pub meaning: &'static str,
}

/// Heading of the controller's own options.
const CONTROLLER: &str = "Controller";

impl Opt {
    /// True if the command `controller` has it: the controller's own options and those about its log.
    pub fn is_for_controller(&self) -> bool {
        match self.flag {
            // the command says it already
            "controller" => false,
            "config" | "debug" | "log-json" | "log-level" => true,
            _ => self.heading == CONTROLLER,
        }
    }
}

/// The option with this flag name.
pub fn find(flag: &str) -> Option<&'static Opt> {
    OPTIONS.iter().find(|option| option.flag == flag)
}

/// The flags of a line of `--flag=value` and bare `--flag`, for tests that need no parser.
#[cfg(test)]
pub fn typed(line: &str) -> Vec<(&'static Opt, String)> {
    let flags = line.split_whitespace().map(|word| {
        let (flag, value) = word.split_once('=').unwrap_or((word, "true"));
        let option = flag.strip_prefix("--").and_then(find);
        let option = option.unwrap_or_else(|| panic!("{word} is no flag"));
        (option, value.to_owned())
    });
    flags.collect()
}

macro_rules! table {
    ($($heading:literal { $(
        $flag:literal, $env:literal, $key:literal, $kind:ident, $default:literal, $state:expr, $meaning:literal;
    )* })*) => {
        &[$($(Opt {
            heading: $heading,
            flag: $flag,
            env: $env,
            key: $key,
            kind: Kind::$kind,
            default: $default,
            state: $state,
            meaning: $meaning,
        },)*)*]
    };
}

/// The options in the order of `--help`, the most used groups first.
#[rustfmt::skip]
pub const OPTIONS: &[Opt] = table! {
    "Charts and storage" {
        "builtin-charts", "BUILTIN_CHARTS", "builtincharts", Text, "", Common,
            "directory of chart directories and packages that are served read-only";
        "storage", "STORAGE", "storage.backend", Text, "local", Built,
            "where uploads are kept; this version has local";
        "storage-local-rootdir", "STORAGE_LOCAL_ROOTDIR", "storage.local.rootdir", Text, "./chartstorage", Common,
            "directory of the uploads; must be named when --storage=local is";
        "shared-storage", "SHARED_STORAGE", "storage.shared", Bool, "false", Built,
            "other servers write to the same directory, each with this option: what it holds is compared before every read";
        "storage-timestamp-tolerance", "STORAGE_TIMESTAMP_TOLERANCE", "storage.timestamptolerance", Duration, "0", Built,
            "how much later than indexed a file may be dated and still count as unchanged; above 0, its inode does not count";
        "disable-statefiles", "DISABLE_STATEFILES", "disablestatefiles", Bool, "false", Built,
            "do not keep index-cache.yaml beside the packages";
    }
    "Listening" {
        "listen-host", "LISTEN_HOST", "listen.host", Text, "0.0.0.0", Common,
            "address to listen on";
        "port", "PORT", "port", Int, "8080", Common,
            "port to listen on; 0 takes a free one";
        "read-timeout", "READ_TIMEOUT", "readtimeout", Int, "30", Built,
            "seconds a whole request may take to arrive; 0 is for ever";
        "write-timeout", "WRITE_TIMEOUT", "writetimeout", Int, "30", Built,
            "seconds a whole response may take to leave; 0 is for ever";
        "response-memory", "RESPONSE_MEMORY", "responsememory", Int, "0", Built,
            "bytes of all responses on their way, further ones wait; 0 is an eighth of the container's memory";
        "max-connections-per-client", "MAX_CONNECTIONS_PER_CLIENT", "maxconnectionsperclient", Int, "256", Built,
            "connections of one address while three quarters of the 1024 are taken; 0 is no share";
        "trusted-proxies", "TRUSTED_PROXIES", "trustedproxies", Text, "", Built,
            "addresses and networks, such as 10.0.0.0/8,::1, that have no such share";
        "probe-bind-address", "PROBE_BIND_ADDRESS", "probebindaddress", Text, "", Built,
            "HOST:PORT, or :PORT on --listen-host, for /health, /readyz and /metrics besides, without TLS; nowhere without it";
        "context-path", "CONTEXT_PATH", "contextpath", Text, "", Common,
            "path prefix under which everything but /metrics is served";
        "cors-alloworigin", "CORS_ALLOW_ORIGIN", "cors.alloworigin", Text, "", Built,
            "value of Access-Control-Allow-Origin on API routes";
        "tls-cert", "TLS_CERT", "tls.cert", Text, "", Common,
            "PEM certificate chain; with --tls-key turns HTTPS on";
        "tls-key", "TLS_KEY", "tls.key", Text, "", Common,
            "PEM private key";
        "tls-ca-cert", "TLS_CA_CERT", "tls.cacert", Text, "", Later,
            "PEM authorities of which every client must show a certificate";
    }
    "Controller" {
        "controller", "CONTROLLER", "controller.enabled", Bool, "false", Common,
            "run the Component controller in this process too; it changes the cluster that it finds";
        "repository-url", "CHARTMUSEUM_URL", "controller.repositoryurl", Text, "", Common,
            "address of the repository that charts are fetched from; this server without it";
        "service-url", "SERVICE_URL", "controller.serviceurl", Text, "", Built,
            "address at which people reach that repository, for what they are told; the same without it";
        "helm-binary", "HELM_BINARY", "controller.helmbinary", Text, "", Built,
            "path of the helm program (version 4); without it helm is searched on PATH";
        "kubeconfig", "KUBECONFIG", "controller.kubeconfig", Text, "", Built,
            "path of a kubeconfig; without it the pod's account or ~/.kube/config";
        "watch-namespace", "WATCH_NAMESPACE", "controller.watchnamespace", Text, "", Common,
            "look only at Components of this namespace; at all without it";
        "concurrency", "CONCURRENCY", "controller.concurrency", Int, "3", Common,
            "helm operations at once; each takes about 100 MB of memory";
        "reconciles", "RECONCILES", "controller.reconciles", Int, "32", Built,
            "Components looked at at once";
        "leader-elect", "LEADER_ELECT", "controller.leaderelect", Bool, "true", Built,
            "work only while holding a Lease, so that of several replicas one works";
        "leader-elect-namespace", "LEADER_ELECT_NAMESPACE", "controller.leaderelectnamespace", Text, "", Built,
            "namespace of the Lease; without it the pod's own or the kubeconfig's";
        "leader-elect-name", "LEADER_ELECT_NAME", "controller.leaderelectname", Text, "chartroom-controller", Built,
            "name of the Lease";
        "leader-elect-lease-duration", "LEADER_ELECT_LEASE_DURATION", "controller.leaseduration", Duration, "15s", Built,
            "how long others wait after the leader's last sign of life; whole seconds";
        "leader-elect-renew-deadline", "LEADER_ELECT_RENEW_DEADLINE", "controller.renewdeadline", Duration, "10s", Built,
            "how long the leader goes on without being able to renew the Lease";
        "leader-elect-retry-period", "LEADER_ELECT_RETRY_PERIOD", "controller.retryperiod", Duration, "2s", Built,
            "how long between two attempts to get or renew the Lease";
        "health-probe-bind-address", "HEALTH_PROBE_BIND_ADDRESS", "controller.healthprobebindaddress", Text, ":8081", Built,
            "HOST:PORT or :PORT of the controller's /healthz and /readyz; 0 is nowhere";
        "metrics-bind-address", "METRICS_BIND_ADDRESS", "controller.metricsbindaddress", Text, ":8082", Built,
            "HOST:PORT or :PORT of the controller's /metrics; 0 is nowhere";
        "chart-cache-dir", "CHART_CACHE_DIR", "controller.chartcachedir", Text, "", Built,
            "directory of fetched charts; a temporary one without it";
        "chart-cache-size", "CHART_CACHE_SIZE", "controller.chartcachesize", Int, "268435456", Built,
            "bytes of fetched charts that are kept at most";
        "helm-index-max-size", "HELM_INDEX_MAX_SIZE", "controller.helmindexmaxsize", Int, "67108864", Built,
            "bytes of a repository's index that are read at most; plan and images have it too";
        "implicit-grace", "IMPLICIT_GRACE", "controller.implicitgrace", Duration, "5m", Built,
            "how long a Component that was created for others is kept when none needs it any more";
        "safety-poll", "SAFETY_POLL", "controller.safetypoll", Duration, "30s", Built,
            "how often what cannot be watched is looked at again";
        "allowed-repositories", "ALLOWED_REPOSITORIES", "controller.allowedrepositories", Text, "cluster", Common,
            "where Components may get charts from beside --repository-url: cluster (its Services), HOST, *.DOMAIN, URL or *, joined by commas";
        "allowed-namespaces", "ALLOWED_NAMESPACES", "controller.allowednamespaces", Text, "", Built,
            "FROM=TO,…: into which namespaces those of FROM may install; * is any characters, TO . their own; all without it";
        "default-service-account", "DEFAULT_SERVICE_ACCOUNT", "controller.defaultserviceaccount", Text, "", Built,
            "ServiceAccount of its own namespace as which a Component is installed that names none; the controller without it";
        "namespace-labels", "NAMESPACE_LABELS", "controller.namespacelabels", Text,
            "theriseunion.io/managed=true, theriseunion.io/workspace=system-workspace", Built,
            "labels of the namespaces that the controller makes or takes care of, as KEY=VALUE,…";
    }
    "Authentication" {
        "basic-auth-user", "BASIC_AUTH_USER", "basicauth.user", Text, "", Common,
            "user name; needs --basic-auth-pass";
        "basic-auth-pass", "BASIC_AUTH_PASS", "basicauth.pass", Text, "", Common,
            "password; better given by environment, where other users do not see it";
        "auth-anonymous-get", "AUTH_ANONYMOUS_GET", "authanonymousget", Bool, "false", Common,
            "reading needs no credentials";
        "bearer-auth", "BEARER_AUTH", "bearerauth", Bool, "false", Later,
            "tokens (JWT) instead of a password";
        "auth-realm", "AUTH_REALM", "authrealm", Text, "", OnlyWith("--bearer-auth"),
            "URL that hands out tokens";
        "auth-service", "AUTH_SERVICE", "authservice", Text, "", OnlyWith("--bearer-auth"),
            "service name in the challenge";
        "auth-cert-path", "AUTH_CERT_PATH", "authcertpath", Text, "", OnlyWith("--bearer-auth"),
            "PEM public key or certificate that tokens are signed with";
        "auth-actions-search-path", "AUTH_ACTIONS_SEARCH_PATH", "authactionssearchpath", Text, "", OnlyWith("--bearer-auth"),
            "JMESPath of the allowed actions in a token";
    }
    "Uploads" {
        "allow-overwrite", "ALLOW_OVERWRITE", "allowoverwrite", Bool, "false", Common,
            "replace an existing version without ?force";
        "disable-force-overwrite", "DISABLE_FORCE_OVERWRITE", "disableforceoverwrite", Bool, "false", Built,
            "ignore ?force (--allow-overwrite still wins)";
        "max-upload-size", "MAX_UPLOAD_SIZE", "maxuploadsize", Int, "20971520", Common,
            "bytes of one upload; 0 allows none";
        "upload-memory", "UPLOAD_MEMORY", "uploadmemory", Int, "0", Built,
            "bytes of uploads over 48 KiB held in memory at once, further ones wait; 0 is a 16th of the container's memory";
        "min-upload-rate", "MIN_UPLOAD_RATE", "minuploadrate", Int, "2048", Built,
            "bytes a second that the sender of an upload over 48 KiB has to send; 0 is any";
        "max-index-entry-size", "MAX_INDEX_ENTRY_SIZE", "maxindexentrysize", Int, "65536", Built,
            "bytes of metadata that one version brings into the index; 0 is no limit";
        "max-index-size", "MAX_INDEX_SIZE", "maxindexsize", Int, "100663296", Built,
            "bytes of all indexes together, beyond which no new version is taken; 0 is no limit";
        "max-storage-objects", "MAX_STORAGE_OBJECTS", "maxstorageobjects", Int, "0", Built,
            "files kept per tenant; 0 is no limit";
        "per-chart-limit", "PER_CHART_LIMIT", "per-chart-limit", Int, "0", Built,
            "versions kept per chart, the oldest file goes first; 0 is no limit";
        "chart-post-form-field-name", "CHART_POST_FORM_FIELD_NAME", "chartpostformfieldname", Text, "chart", Built,
            "one more form field for packages, beside chart";
        "prov-post-form-field-name", "PROV_POST_FORM_FIELD_NAME", "provpostformfieldname", Text, "prov", Built,
            "one more form field for provenance files, beside prov";
    }
    "Index" {
        "json-index", "JSON_INDEX", "json-index", Bool, "true", Built,
            "write the index as JSON, which Helm reads several times faster; false writes YAML";
        "chart-url", "CHART_URL", "charturl", Text, "", Common,
            "absolute base of the URLs in the index; relative without it";
        "cache-interval", "CACHE_INTERVAL", "cacheinterval", Duration, "5m", Built,
            "how often storage is listed again to find what changed behind the server; 0 is never";
        "always-regenerate-chart-index", "ALWAYS_REGENERATE_CHART_INDEX", "always-regenerate-chart-index", Bool, "false", Built,
            "list storage before every read of the index";
        "index-limit", "INDEX_LIMIT", "indexlimit", Int, "0", Built,
            "packages read at once while storage is scanned; 0 chooses";
    }
    "Tenants, API and pages" {
        "depth", "DEPTH", "depth", Int, "0", Common,
            "path segments that name a tenant";
        "depth-dynamic", "DEPTH_DYNAMIC", "depthdynamic", Bool, "false", Built,
            "tenants of any number of segments; --depth is then ignored";
        "disable-api", "DISABLE_API", "disableapi", Bool, "false", Built,
            "no /api routes";
        "disable-delete", "DISABLE_DELETE", "disabledelete", Bool, "false", Common,
            "no DELETE route";
        "web-template-path", "WEB_TEMPLATE_PATH", "web-template-path", Text, "", Built,
            "directory with an index.html of your own for the welcome page";
        "artifact-hub-repo-id", "ARTIFACT_HUB_REPO_ID", "artifact-hub-repo-id", KeyValue, "", Built,
            "Artifact Hub repository ID, as ID for the root or TENANT=ID; may be repeated";
    }
    "Logs and metrics" {
        "debug", "DEBUG", "debug", Bool, "false", Common,
            "log debug messages too";
        "log-level", "LOG_LEVEL", "loglevel", Text, "", Built,
            "log from this level on: debug, info, warn or error; info without it";
        "log-json", "LOG_JSON", "logjson", Bool, "false", Common,
            "log JSON objects instead of text";
        "log-health", "LOG_HEALTH", "loghealth", Bool, "false", Built,
            "log successful health requests too";
        "log-latency-integer", "LOG_LATENCY_INTEGER", "loglatencyinteger", Bool, "false", Built,
            "log latency as nanoseconds instead of text";
        "enable-metrics", "ENABLE_METRICS", "enablemetrics", Bool, "false", Common,
            "serve Prometheus metrics at /metrics";
    }
    "Images and other artifacts" {
        "oci", "OCI", "oci.enabled", Bool, "true", Common,
            "serve the distribution API under /v2/: helm push oci://, and images beside the charts";
        "oci-sparse", "OCI_SPARSE", "oci.sparse", Text, "index", Built,
            "manifests may name what is not there: none; index, whose manifests may be missing; or all, also layers";
        "oci-auth", "OCI_AUTH", "oci.auth", Text, "basic", Built,
            "how clients of it are asked for --basic-auth-user: basic; or token, which Docker needs for reading without a password";
        "oci-max-blob-size", "OCI_MAX_BLOB_SIZE", "oci.maxblobsize", Int, "0", Built,
            "bytes of one blob; 0 is no limit (charts have that of --max-upload-size)";
        "oci-gc-interval", "OCI_GC_INTERVAL", "oci.gcinterval", Duration, "6h", Built,
            "how often what no tag, index or referrer needs is removed; 0 is never (chartroom gc does it too)";
        "oci-gc-grace", "OCI_GC_GRACE", "oci.gcgrace", Duration, "24h", Built,
            "how long what nobody needs is kept all the same, and an unfinished upload";
        "oci-gc-low-water", "OCI_GC_LOW_WATER", "oci.gclowwater", Int, "536870912", Built,
            "bytes free below which it is removed at once; 0 is never";
    }
    "General" {
        "config", "CONFIG", "", Text, "", Common,
            "path of a YAML config file";
        "gen-index", "GEN_INDEX", "genindex", Bool, "false", Built,
            "print the index to standard output and exit (only at depth 0); YAML unless --json-index=true";
    }
    "Deprecated, without effect" {
        "disable-metrics", "DISABLE_METRICS", "disablemetrics", Bool, "false", Deprecated,
            "metrics are off unless --enable-metrics";
        "max-concurrent-uploads", "MAX_CONCURRENT_UPLOADS", "maxconcurrentuploads", Int, "4", Deprecated,
            "memory is what counts: --upload-memory";
        "enforce-semver2", "ENFORCE_SEMVER2", "enforce-semver2", Bool, "false", Deprecated,
            "versions are always checked";
    }
    "Cache in Redis" {
        "cache", "CACHE", "cache.store", Text, "", Built,
            "empty (in memory) is what this version has; redis comes later";
        "cache-redis-addr", "CACHE_REDIS_ADDR", "cache.redis.addr", Text, "", OnlyWith("--cache=redis"),
            "host:port";
        "cache-redis-password", "CACHE_REDIS_PASSWORD", "cache.redis.password", Text, "", OnlyWith("--cache=redis"),
            "password";
        "cache-redis-db", "CACHE_REDIS_DB", "cache.redis.db", Int, "0", OnlyWith("--cache=redis"),
            "database number";
    }
    "Other storage" {
        "storage-amazon-bucket", "STORAGE_AMAZON_BUCKET", "storage.amazon.bucket", Text, "", OnlyWith("--storage=amazon"),
            "bucket";
        "storage-amazon-prefix", "STORAGE_AMAZON_PREFIX", "storage.amazon.prefix", Text, "", OnlyWith("--storage=amazon"),
            "key prefix";
        "storage-amazon-region", "STORAGE_AMAZON_REGION", "storage.amazon.region", Text, "", OnlyWith("--storage=amazon"),
            "region";
        "storage-amazon-endpoint", "STORAGE_AMAZON_ENDPOINT", "storage.amazon.endpoint", Text, "", OnlyWith("--storage=amazon"),
            "endpoint";
        "storage-amazon-sse", "STORAGE_AMAZON_SSE", "storage.amazon.sse", Text, "", OnlyWith("--storage=amazon"),
            "server-side encryption";
        "storage-amazon-force-path-style", "STORAGE_AMAZON_FORCE_PATH_STYLE", "storage.amazon.forcepathstyle", Bool, "true", OnlyWith("--storage=amazon"),
            "buckets in the path instead of the host name";
        "storage-google-bucket", "STORAGE_GOOGLE_BUCKET", "storage.google.bucket", Text, "", OnlyWith("--storage=google"),
            "bucket";
        "storage-google-prefix", "STORAGE_GOOGLE_PREFIX", "storage.google.prefix", Text, "", OnlyWith("--storage=google"),
            "key prefix";
        "storage-oracle-bucket", "STORAGE_ORACLE_BUCKET", "storage.oracle.bucket", Text, "", OnlyWith("--storage=oracle"),
            "bucket";
        "storage-oracle-prefix", "STORAGE_ORACLE_PREFIX", "storage.oracle.prefix", Text, "", OnlyWith("--storage=oracle"),
            "key prefix";
        "storage-oracle-region", "STORAGE_ORACLE_REGION", "storage.oracle.region", Text, "", OnlyWith("--storage=oracle"),
            "region";
        "storage-oracle-compartmentid", "STORAGE_ORACLE_COMPARTMENTID", "storage.oracle.compartmentid", Text, "", OnlyWith("--storage=oracle"),
            "compartment";
        "storage-microsoft-container", "STORAGE_MICROSOFT_CONTAINER", "storage.microsoft.container", Text, "", OnlyWith("--storage=microsoft"),
            "container";
        "storage-microsoft-prefix", "STORAGE_MICROSOFT_PREFIX", "storage.microsoft.prefix", Text, "", OnlyWith("--storage=microsoft"),
            "key prefix";
        "storage-alibaba-bucket", "STORAGE_ALIBABA_BUCKET", "storage.alibaba.bucket", Text, "", OnlyWith("--storage=alibaba"),
            "bucket";
        "storage-alibaba-prefix", "STORAGE_ALIBABA_PREFIX", "storage.alibaba.prefix", Text, "", OnlyWith("--storage=alibaba"),
            "key prefix";
        "storage-alibaba-endpoint", "STORAGE_ALIBABA_ENDPOINT", "storage.alibaba.endpoint", Text, "", OnlyWith("--storage=alibaba"),
            "endpoint";
        "storage-alibaba-sse", "STORAGE_ALIBABA_SSE", "storage.alibaba.sse", Text, "", OnlyWith("--storage=alibaba"),
            "server-side encryption";
        "storage-openstack-container", "STORAGE_OPENSTACK_CONTAINER", "storage.openstack.container", Text, "", OnlyWith("--storage=openstack"),
            "container";
        "storage-openstack-prefix", "STORAGE_OPENSTACK_PREFIX", "storage.openstack.prefix", Text, "", OnlyWith("--storage=openstack"),
            "key prefix";
        "storage-openstack-region", "STORAGE_OPENSTACK_REGION", "storage.openstack.region", Text, "", OnlyWith("--storage=openstack"),
            "region";
        "storage-openstack-cacert", "STORAGE_OPENSTACK_CACERT", "storage.openstack.cacert", Text, "", OnlyWith("--storage=openstack"),
            "file of the certificate authorities";
        "storage-openstack-auth", "STORAGE_OPENSTACK_AUTH", "storage.openstack.auth", Text, "auto", OnlyWith("--storage=openstack"),
            "auto (v2, v3) or v1";
        "storage-baidu-bucket", "STORAGE_BAIDU_BUCKET", "storage.baidu.bucket", Text, "", OnlyWith("--storage=baidu"),
            "bucket";
        "storage-baidu-prefix", "STORAGE_BAIDU_PREFIX", "storage.baidu.prefix", Text, "", OnlyWith("--storage=baidu"),
            "key prefix";
        "storage-baidu-endpoint", "STORAGE_BAIDU_ENDPOINT", "storage.baidu.endpoint", Text, "", OnlyWith("--storage=baidu"),
            "endpoint";
        "storage-etcd-endpoint", "STORAGE_ETCD_ENDPOINT", "storage.etcd.endpoint", Text, "http://localhost:2379", OnlyWith("--storage=etcd"),
            "endpoint";
        "storage-etcd-cafile", "STORAGE_ETCD_CAFILE", "storage.etcd.cafile", Text, "", OnlyWith("--storage=etcd"),
            "file of the certificate authorities";
        "storage-etcd-certfile", "STORAGE_ETCD_CERTFILE", "storage.etcd.certfile", Text, "", OnlyWith("--storage=etcd"),
            "certificate file";
        "storage-etcd-keyfile", "STORAGE_ETCD_KEYFILE", "storage.etcd.keyfile", Text, "", OnlyWith("--storage=etcd"),
            "private key file";
        "storage-etcd-prefix", "STORAGE_ETCD_PREFIX", "storage.etcd.prefix", Text, "", OnlyWith("--storage=etcd"),
            "key prefix";
        "storage-tencent-bucket", "STORAGE_TENCENT_BUCKET", "storage.tencent.bucket", Text, "", OnlyWith("--storage=tencent"),
            "bucket";
        "storage-tencent-prefix", "STORAGE_TENCENT_PREFIX", "storage.tencent.prefix", Text, "", OnlyWith("--storage=tencent"),
            "key prefix";
        "storage-tencent-endpoint", "STORAGE_TENCENT_ENDPOINT", "storage.tencent.endpoint", Text, "", OnlyWith("--storage=tencent"),
            "endpoint";
    }
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_has_the_85_options_of_the_contract_then_config_and_ours() {
        let of_the_controller = OPTIONS
            .iter()
            .filter(|option| option.heading == CONTROLLER)
            .count();
        assert_eq!(of_the_controller, 25);
        assert_eq!(OPTIONS.len(), 85 + 1 + 12 + 7 + of_the_controller);
    }

    #[test]
    fn no_two_options_share_a_name() {
        type Name = fn(&'static Opt) -> &'static str;
        let names: [Name; 3] = [|o| o.flag, |o| o.env, |o| o.key];
        for name in names {
            let distinct: BTreeSet<_> = OPTIONS.iter().map(name).collect();
            assert_eq!(distinct.len(), OPTIONS.len());
        }
    }

    #[test]
    fn the_environment_spells_the_flag_in_capitals_with_two_exceptions() {
        for option in OPTIONS {
            let rule = option.flag.to_uppercase().replace('-', "_");
            let expected = match option.flag {
                "cors-alloworigin" => "CORS_ALLOW_ORIGIN",
                "repository-url" => "CHARTMUSEUM_URL",
                _ => &rule,
            };
            assert_eq!(option.env, expected);
        }
    }

    #[test]
    fn config_keys_are_lower_case_and_only_config_has_none() {
        for option in OPTIONS {
            assert_eq!(option.key, option.key.to_lowercase());
            assert_eq!(
                option.key.is_empty(),
                option.flag == "config",
                "{}",
                option.flag
            );
        }
    }
}
