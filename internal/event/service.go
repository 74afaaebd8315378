package event

import "fmt"

// Types lists every Type that can be published, in the order of the documentation.
func Types() []Type {
	all := Bodies()
	types := make([]Type, len(all))
	for i, b := range all {
		types[i] = b.Type()
	}
	return types
}

// Bodies is one zero value of every Body, for tables that must know all of them.
func Bodies() []Body {
	return []Body{
		ServiceStarted{},
		ServiceStopping{},
		GatewayPaused{},
		GatewayResumed{},
		ConfigReloaded{},
		ConfigRejected{},
		CertificateReloaded{},
		CertificateRejected{},
		CertificateRenewed{},
		CertificateExpiring{},
		CertificateFailed{},
		InstanceStarted{},
		InstanceReady{},
		InstanceUnready{},
		InstanceStopped{},
		InstanceExited{},
		InstanceStartFailed{},
		InstanceCrashLoop{},
		InstanceMemoryLimit{},
		InstanceRecycled{},
		LeftoversKilled{},
		OutputDropped{},
		AppDown{},
		AppRecovered{},
		AppRestarting{},
		AppRestarted{},
		AppRestartFailed{},
		AppScaled{},
		AppMaintenanceOn{},
		AppMaintenanceOff{},
		AppReplacementStarted{},
		CircuitOpened{},
		CircuitHalfOpen{},
		CircuitClosed{},
		UpstreamEjected{},
		UpstreamReturned{},
		LimitsNotEnforced{},
		StateSetAside{},
	}
}

// ServiceStarted is published once the listeners are bound.
type ServiceStarted struct {
	itself
	Version string `json:"version"`
}

// Type implements Body.
func (ServiceStarted) Type() Type { return "service.started" }

// Severity implements Body.
func (ServiceStarted) Severity() Severity { return Info }

// Message implements Body.
func (b ServiceStarted) Message() string { return "Holdfast " + b.Version + " is serving" }

// ServiceStopping is published when Holdfast was asked to end.
type ServiceStopping struct{ itself }

// Type implements Body.
func (ServiceStopping) Type() Type { return "service.stopping" }

// Severity implements Body.
func (ServiceStopping) Severity() Severity { return Info }

// Message implements Body.
func (ServiceStopping) Message() string { return "Holdfast is stopping" }

// GatewayPaused means that every request is answered 503 until GatewayResumed.
type GatewayPaused struct{ itself }

// Type implements Body.
func (GatewayPaused) Type() Type { return "gateway.paused" }

// Severity implements Body.
func (GatewayPaused) Severity() Severity { return Warning }

// Message implements Body.
func (GatewayPaused) Message() string {
	return "the gateway answers 503 until it is continued; the apps keep running"
}

// GatewayResumed ends a pause.
type GatewayResumed struct{ itself }

// Type implements Body.
func (GatewayResumed) Type() Type { return "gateway.resumed" }

// Severity implements Body.
func (GatewayResumed) Severity() Severity { return Info }

// Message implements Body.
func (GatewayResumed) Message() string { return "the gateway serves again" }

// ConfigReloaded means that a new configuration is in force.
type ConfigReloaded struct {
	itself
	Revision int `json:"revision"`
	// Trigger is what asked for it: "api", "service", "file" or "policy" (Group Policy).
	Trigger string `json:"trigger"`
	// Changed names what differs: "app shop", "listeners", "routes".
	Changed []string `json:"changed,omitempty"`
}

// Type implements Body.
func (ConfigReloaded) Type() Type { return "config.reloaded" }

// Severity implements Body.
func (ConfigReloaded) Severity() Severity { return Info }

// Message implements Body.
func (b ConfigReloaded) Message() string {
	return fmt.Sprintf("configuration revision %d is in force", b.Revision)
}

// ConfigRejected means that a configuration was not applied and the last good one stays in force.
type ConfigRejected struct {
	itself
	// Revision is the one that stays.
	Revision int    `json:"revision"`
	Trigger  string `json:"trigger"`
	// Problems are the reasons, one line each.
	Problems []string `json:"problems"`
}

// Type implements Body.
func (ConfigRejected) Type() Type { return "config.rejected" }

// Severity implements Body.
func (ConfigRejected) Severity() Severity { return Error }

// Message implements Body.
func (b ConfigRejected) Message() string {
	if len(b.Problems) == 0 {
		return fmt.Sprintf("the new configuration was not applied; revision %d stays in force", b.Revision)
	}
	return fmt.Sprintf("the new configuration was not applied; revision %d stays in force: %s", b.Revision, b.Problems[0])
}
