package config

// The categories, in the order of the editor. Each is below one with the installation's name.
const (
	CategoryManagement   PolicyCategory = "Management"
	CategoryLogging      PolicyCategory = "Logging"
	CategoryListeners    PolicyCategory = "Listeners"
	CategoryCertificates PolicyCategory = "Certificates"
	CategoryApps         PolicyCategory = "Apps"
	CategoryRoutes       PolicyCategory = "Routes"
	CategoryOther        PolicyCategory = "Other"
)

// Words are the category's name.
func (c PolicyCategory) Words() Words {
	switch c {
	case CategoryManagement:
		return Words{"Management", "管理接口"}
	case CategoryLogging:
		return Words{"Logging", "日志"}
	case CategoryListeners:
		return Words{"Listeners", "监听器"}
	case CategoryCertificates:
		return Words{"Certificates", "证书"}
	case CategoryApps:
		return Words{"Apps", "应用"}
	case CategoryRoutes:
		return Words{"Routes", "路由"}
	case CategoryOther:
	}
	return Words{"Other settings", "其他设置"}
}

// firstSince is the version with which Group Policy came.
const firstSince = "0.1"

// policyTable is the one list of what Group Policy can set. Whatever is not here can be set by the
// last row.
func policyTable() []PolicySetting {
	return []PolicySetting{
		{
			Name: "ManagementAddress", Key: "management.address", Kind: PolicyText, Category: CategoryManagement, Since: firstSince,
			Title: Words{"Address of the management API", "管理接口的地址"},
			Help: Words{
				"The loopback address and port on which the management API, its metrics and health answer, such as 127.0.0.1:9180, or off. The local pipe of the command line stays open. It counts from the next start of the service.",
				"管理接口（含指标与健康检查）监听的回环地址与端口，例如 127.0.0.1:9180；填 off 则关闭。命令行使用的本地管道不受影响。服务下次启动时生效。",
			},
		},
		{
			Name: "ManagementAllowedHosts", Key: "management.allowed_hosts", Kind: PolicyList, Category: CategoryManagement, Since: firstSince,
			Title: Words{"Host names of the management API", "管理接口允许的主机名"},
			Help: Words{
				"The names, besides those of this machine itself, by which the management API may be asked. Without scheme, port or *. It counts from the next start of the service.",
				"除本机自身的名称外，访问管理接口时允许使用的主机名。不含协议、端口或 *。服务下次启动时生效。",
			},
		},
		{
			Name: "LogLevel", Key: "logging.level", Kind: PolicyEnum, Category: CategoryLogging, Since: firstSince,
			Title: Words{"Log level", "日志级别"},
			Help: Words{
				"The least severe level that is logged.",
				"记录的最低级别。",
			},
		},
		{
			Name: "LogFormat", Key: "logging.format", Kind: PolicyEnum, Category: CategoryLogging, Since: firstSince,
			Title: Words{"Format of the console's log", "控制台日志的格式"},
			Help: Words{
				"The form of the lines in a console: json, console (short lines for a person) or auto. Log files are always JSON. It counts from the next start of the service.",
				"控制台日志行的格式：json、console（便于阅读的短行）或 auto。日志文件始终为 JSON。服务下次启动时生效。",
			},
		},
		{
			Name: "LogFileMaxSize", Key: "logging.file.max_size", Kind: PolicyNumber, Unit: "MiB", Category: CategoryLogging, Since: firstSince,
			Title: Words{"Size of a log file (MiB)", "单个日志文件的大小（MiB）"},
			Help: Words{
				"The size at which {name}'s own log, and by default every other one, begins a new file. For {name}'s own log it counts from the next start of the service.",
				"{name} 自身的日志（默认也包括其他所有日志）达到此大小后换用新文件。对 {name} 自身的日志，服务下次启动时生效。",
			},
		},
		{
			Name: "LogFileMaxFiles", Key: "logging.file.max_files", Kind: PolicyNumber, Category: CategoryLogging, Since: firstSince,
			Title: Words{"Log files that are kept", "保留的日志文件数"},
			Help: Words{
				"How many full log files are kept beside the one that is written, of {name} itself and by default of every other log. For {name}'s own log it counts from the next start of the service.",
				"除正在写入的文件外，保留多少个已写满的日志文件：适用于 {name} 自身，默认也适用于其他所有日志。对 {name} 自身的日志，服务下次启动时生效。",
			},
		},
		{
			Name: "AccessLog", Key: "logging.access.enabled", Kind: PolicySwitch, Category: CategoryLogging, Since: firstSince,
			Title: Words{"Access log", "访问日志"},
			Help: Words{
				"Enabled: the gateway writes one line for each request into access.log. Disabled: it writes none. It counts from the next start of the service.",
				"启用：网关为每个请求在 access.log 中写入一行。禁用：不写入。服务下次启动时生效。",
			},
		},
		{
			Name: "AccessLogMaxSize", Key: "logging.access.file.max_size", Kind: PolicyNumber, Unit: "MiB", Category: CategoryLogging, Since: firstSince,
			Title: Words{"Size of an access log file (MiB)", "单个访问日志文件的大小（MiB）"},
			Help: Words{
				"The size at which the access log begins a new file. It counts from the next start of the service.",
				"访问日志达到此大小后换用新文件。服务下次启动时生效。",
			},
		},
		{
			Name: "AccessLogMaxFiles", Key: "logging.access.file.max_files", Kind: PolicyNumber, Category: CategoryLogging, Since: firstSince,
			Title: Words{"Access log files that are kept", "保留的访问日志文件数"},
			Help: Words{
				"How many full access log files are kept beside the one that is written. It counts from the next start of the service.",
				"除正在写入的文件外，保留多少个已写满的访问日志文件。服务下次启动时生效。",
			},
		},
		{
			Name: "ListenerAddress", Key: "listeners.*.address", Kind: PolicyNames, Category: CategoryListeners, Since: firstSince,
			Title: Words{"Addresses of listeners", "监听器的地址"},
			Help: Words{
				"Name: a listener that the machine has; without any in its files it is web. Value: host:port or :port, such as :8080.",
				"名称：该计算机上已有的监听器；配置文件中没有任何监听器时为 web。值：host:port 或 :port，例如 :8080。",
			},
		},
		{
			Name: "ListenerCertificate", Key: "listeners.*.certificate", Kind: PolicyNames, Category: CategoryListeners, Since: firstSince,
			Title: Words{"Certificates of listeners", "监听器的证书"},
			Help: Words{
				"Name: a listener that the machine has. Value: the name of a certificate; the listener speaks TLS with it.",
				"名称：该计算机上已有的监听器。值：证书的名称，监听器用它提供 TLS。",
			},
		},
		{
			Name: "ListenerRedirectTo", Key: "listeners.*.redirect_to", Kind: PolicyNames, Category: CategoryListeners, Since: firstSince,
			Title: Words{"Listeners that redirect", "重定向的监听器"},
			Help: Words{
				"Name: a listener that the machine has. Value: the listener to which every request is sent on, usually the one with a certificate.",
				"名称：该计算机上已有的监听器。值：所有请求被重定向到的监听器，通常是带证书的那个。",
			},
		},
		{
			Name: "ListenerTrustedProxies", Key: "listeners.*.trusted_proxies", Kind: PolicyNames, Category: CategoryListeners, Since: firstSince,
			Title: Words{"Trusted proxies", "受信任的代理"},
			Help: Words{
				"Name: a listener that the machine has. Value: the addresses or networks whose X-Forwarded headers are believed, with commas between them: 10.0.0.5, 10.1.0.0/16. An empty value believes nobody.",
				"名称：该计算机上已有的监听器。值：其 X-Forwarded 标头受信任的地址或网络，以英文逗号分隔：10.0.0.5, 10.1.0.0/16。空值表示不信任任何来源。",
			},
		},
		{
			Name: "ListenerHTTP2", Key: "listeners.*.http2", Kind: PolicyNames, Category: CategoryListeners, Since: firstSince,
			Title: Words{"HTTP/2", "HTTP/2"},
			Help: Words{
				"Name: a listener that the machine has. Value: true offers HTTP/2 when it speaks TLS, false does not.",
				"名称：该计算机上已有的监听器。值：true 表示在 TLS 上提供 HTTP/2，false 表示不提供。",
			},
		},
		{
			Name: "CertificateFile", Key: "certificates.*.cert_file", Kind: PolicyNames, Category: CategoryCertificates, Since: firstSince,
			Title: Words{"Certificate files", "证书文件"},
			Help: Words{
				"Name: a certificate that the machine has. Value: the PEM file with it and its intermediates.",
				"名称：该计算机上已有的证书。值：包含该证书及其中间证书的 PEM 文件。",
			},
		},
		{
			Name: "CertificateKeyFile", Key: "certificates.*.key_file", Kind: PolicyNames, Category: CategoryCertificates, Since: firstSince,
			Title: Words{"Key files", "私钥文件"},
			Help: Words{
				"Name: a certificate that the machine has. Value: the PEM file of its private key.",
				"名称：该计算机上已有的证书。值：其私钥的 PEM 文件。",
			},
		},
		{
			Name: "AppInstances", Key: "apps.*.instances", Kind: PolicyNames, Category: CategoryApps, Since: firstSince,
			Title: Words{"Instances of apps", "应用的实例数"},
			Help: Words{
				"Name: an app that the machine has. Value: how many instances of it run at once.",
				"名称：该计算机上已有的应用。值：同时运行的实例数。",
			},
		},
		{
			Name: "AppAutostart", Key: "apps.*.autostart", Kind: PolicyNames, Category: CategoryApps, Since: firstSince,
			Title: Words{"Apps that start with the service", "随服务启动的应用"},
			Help: Words{
				"Name: an app that the machine has. Value: true starts it with the service, false does not.",
				"名称：该计算机上已有的应用。值：true 表示随服务启动，false 表示不启动。",
			},
		},
		{
			Name: "AppRestartPolicy", Key: "apps.*.restart.policy", Kind: PolicyNames, Category: CategoryApps, Since: firstSince,
			Title: Words{"Restart of apps", "应用的重启策略"},
			Help: Words{
				"Name: an app that the machine has. Value: always, on_failure or never.",
				"名称：该计算机上已有的应用。值：always、on_failure 或 never。",
			},
		},
		{
			Name: "AppStopGrace", Key: "apps.*.stop.grace", Kind: PolicyNames, Category: CategoryApps, Since: firstSince,
			Title: Words{"Time to stop for apps", "应用的停止宽限时间"},
			Help: Words{
				"Name: an app that the machine has. Value: how long it may take to end after it was asked to, with a unit: 30s.",
				"名称：该计算机上已有的应用。值：收到停止请求后允许的时长，须带单位：30s。",
			},
		},
		{
			Name: "AppMemoryLimit", Key: "apps.*.limits.memory", Kind: PolicyNames, Category: CategoryApps, Since: firstSince,
			Title: Words{"Memory limits of apps", "应用的内存上限"},
			Help: Words{
				"Name: an app that the machine has. Value: the most memory that an instance of it may use, with a unit: 512MiB; 0B is no bound.",
				"名称：该计算机上已有的应用。值：每个实例可使用的最大内存，须带单位：512MiB；0B 表示不限。",
			},
		},
		{
			Name: "AppCPULimit", Key: "apps.*.limits.cpu", Kind: PolicyNames, Category: CategoryApps, Since: firstSince,
			Title: Words{"Processor limits of apps", "应用的处理器上限"},
			Help: Words{
				"Name: an app that the machine has. Value: how many processors' worth of time an instance of it may use, such as 0.5 or 2; 0 is no bound.",
				"名称：该计算机上已有的应用。值：每个实例可使用的处理器数量，例如 0.5 或 2；0 表示不限。",
			},
		},
		{
			Name: "AppLogMaxSize", Key: "apps.*.output.file.max_size", Kind: PolicyNames, Category: CategoryApps, Since: firstSince,
			Title: Words{"Size of the log files of apps", "应用日志文件的大小"},
			Help: Words{
				"Name: an app that the machine has. Value: the size at which the log of an instance begins a new file, with a unit: 50MiB.",
				"名称：该计算机上已有的应用。值：实例日志达到此大小后换用新文件，须带单位：50MiB。",
			},
		},
		{
			Name: "AppLogMaxFiles", Key: "apps.*.output.file.max_files", Kind: PolicyNames, Category: CategoryApps, Since: firstSince,
			Title: Words{"Log files that are kept of apps", "保留的应用日志文件数"},
			Help: Words{
				"Name: an app that the machine has. Value: how many full log files of each instance are kept.",
				"名称：该计算机上已有的应用。值：每个实例保留多少个已写满的日志文件。",
			},
		},
		{
			Name: "RouteTimeout", Key: "routes.*.timeout", Kind: PolicyNames, Category: CategoryRoutes, Since: firstSince,
			Title: Words{"Timeouts of routes", "路由的超时"},
			Help: Words{
				"Name: a route that the machine has. Value: how long an answer may take to begin, with a unit: 30s; 0s is no bound.",
				"名称：该计算机上已有的路由。值：等待响应开始的最长时间，须带单位：30s；0s 表示不限。",
			},
		},
		{
			Name: "Settings", Kind: PolicyPairs, Category: CategoryOther, Since: firstSince,
			Title: Words{"Any setting", "任意设置"},
			Help: Words{
				"Name: a key of the configuration, such as apps.shop.restart.backoff. Value: what it is set to, as after --set: 2s, or for a list [a, b]. An own setting for the same key wins. Keep secrets out: every user of the machine can read these values; write ${file:PATH} instead.",
				"名称：配置中的键，例如 apps.shop.restart.backoff。值：与 --set 的写法相同：2s，列表则为 [a, b]。同一个键若有专门的策略，以后者为准。不要在此存放机密：该计算机的所有用户都能读取这些值；请改用 ${file:PATH}。",
			},
		},
	}
}
