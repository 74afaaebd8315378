package metadata

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// returnCode is what an exit code of msiexec means to Intune.
type returnCode struct {
	ReturnCode int    `json:"returnCode"`
	Type       string `json:"type"`
}

// returnCodes are the exit codes of the package (learn.microsoft.com/windows/win32/msi/error-codes).
func returnCodes() []returnCode {
	return []returnCode{{0, "success"}, {1707, "success"}, {3010, "softReboot"}, {1641, "hardReboot"}, {1618, "retry"}}
}

// Intune makes two bodies for Microsoft Graph: that of a Win32 app, which is the recommended kind, and
// that of a line-of-business app (learn.microsoft.com/graph/api/resources/intune-apps-win32lobapp).
func Intune(p *Package, o Options) ([]File, error) {
	win32 := struct {
		Type                  string       `json:"@odata.type"`
		DisplayName           string       `json:"displayName"`
		Description           string       `json:"description"`
		Publisher             string       `json:"publisher"`
		InformationURL        string       `json:"informationUrl,omitempty"`
		DisplayVersion        string       `json:"displayVersion"`
		FileName              string       `json:"fileName"`
		SetupFilePath         string       `json:"setupFilePath"`
		InstallCommandLine    string       `json:"installCommandLine"`
		UninstallCommandLine  string       `json:"uninstallCommandLine"`
		AllowedArchitectures  string       `json:"allowedArchitectures"`
		MinimumWindowsRelease string       `json:"minimumSupportedWindowsRelease"`
		Rules                 []any        `json:"rules"`
		InstallExperience     any          `json:"installExperience"`
		ReturnCodes           []returnCode `json:"returnCodes"`
		MSIInformation        any          `json:"msiInformation"`
	}{
		Type: "#microsoft.graph.win32LobApp", DisplayName: p.Name, Description: p.description(o), Publisher: p.Manufacturer, InformationURL: p.HelpURL,
		DisplayVersion: p.Version, FileName: p.base() + ".intunewin", SetupFilePath: p.File, InstallCommandLine: p.install(), UninstallCommandLine: p.uninstall(),
		AllowedArchitectures: p.Arch, MinimumWindowsRelease: "1607", ReturnCodes: returnCodes(),
		Rules: []any{map[string]any{
			"@odata.type": "#microsoft.graph.win32LobAppProductCodeRule", "ruleType": "detection",
			"productCode": p.ProductCode, "productVersionOperator": "notConfigured", "productVersion": nil,
		}},
		InstallExperience: map[string]any{"runAsAccount": "system", "maxRunTimeInMinutes": 60, "deviceRestartBehavior": "basedOnReturnCode"},
		MSIInformation: map[string]any{
			"productCode": p.ProductCode, "productVersion": p.Version, "upgradeCode": p.UpgradeCode, "requiresReboot": false,
			"packageType": "perMachine", "productName": p.Name, "publisher": p.Manufacturer,
		},
	}
	business := struct {
		Type                   string `json:"@odata.type"`
		DisplayName            string `json:"displayName"`
		Description            string `json:"description"`
		Publisher              string `json:"publisher"`
		InformationURL         string `json:"informationUrl,omitempty"`
		FileName               string `json:"fileName"`
		CommandLine            string `json:"commandLine"`
		ProductCode            string `json:"productCode"`
		ProductVersion         string `json:"productVersion"`
		IdentityVersion        string `json:"identityVersion"`
		IgnoreVersionDetection bool   `json:"ignoreVersionDetection"`
		UseDeviceContext       bool   `json:"useDeviceContext"`
	}{
		"#microsoft.graph.windowsMobileMSI", p.Name, p.description(o), p.Manufacturer, p.HelpURL, p.File, "/qn /norestart",
		string(p.ProductCode), p.Version, p.Version, false, true,
	}
	a, err := jsonOf(win32)
	if err != nil {
		return nil, err
	}
	b, err := jsonOf(business)
	return []File{{"intune/" + p.base() + ".win32LobApp.json", a}, {"intune/" + p.base() + ".windowsMobileMSI.json", b}}, err
}

// ConfigMgr makes the facts that an application of Configuration Manager asks for. The detection is by
// product code; the registry value stands for administrators who want "this version or a later one".
func ConfigMgr(p *Package, o Options) (File, error) {
	type code struct {
		Value int    `json:"value"`
		Class string `json:"class"`
		Means string `json:"means"`
	}
	facts := struct {
		Name             string   `json:"name"`
		Publisher        string   `json:"publisher"`
		Version          string   `json:"softwareVersion"`
		Description      string   `json:"description"`
		Technology       string   `json:"deploymentType"`
		Content          string   `json:"contentFile"`
		Size             int64    `json:"contentSize"`
		SHA256           string   `json:"contentSha256"`
		Install          string   `json:"installationProgram"`
		Repair           string   `json:"repairProgram"`
		Uninstall        string   `json:"uninstallProgram"`
		Behavior         string   `json:"installationBehavior"`
		Logon            string   `json:"logonRequirement"`
		EstimatedMinutes int      `json:"estimatedInstallationMinutes"`
		MaximumMinutes   int      `json:"maximumRunMinutes"`
		Architecture     string   `json:"requiredArchitecture"`
		ProductCode      string   `json:"productCode"`
		UpgradeCode      string   `json:"upgradeCode"`
		Service          string   `json:"service"`
		Properties       []string `json:"publicProperties"`
		Detection        any      `json:"detection"`
		DetectionOrLater any      `json:"detectionOfThisOrLater"`
		ReturnCodes      []code   `json:"returnCodes"`
	}{
		Name: p.Name, Publisher: p.Manufacturer, Version: p.Version, Description: p.description(o), Technology: "Windows Installer (*.msi file)",
		Content: p.File, Size: p.Size, SHA256: p.SHA256, Install: p.install(), Repair: fmt.Sprintf(`msiexec /famus "%s" /qn /norestart`, p.ProductCode),
		Uninstall: p.uninstall(), Behavior: "Install for system", Logon: "Whether or not a user is logged on", EstimatedMinutes: 2, MaximumMinutes: 30,
		Architecture: p.Arch, ProductCode: string(p.ProductCode), UpgradeCode: string(p.UpgradeCode), Service: p.Service, Properties: p.Properties,
		Detection: map[string]any{"type": "Windows Installer", "productCode": p.ProductCode},
		DetectionOrLater: map[string]any{
			"type": "Registry", "hive": "HKEY_LOCAL_MACHINE", "key": `SOFTWARE\` + p.Service, "value": "Version", "dataType": "Version",
			"operator": "Greater than or equal to", "data": p.Version, "32BitOn64BitSystem": false,
		},
		ReturnCodes: []code{
			{0, "Success (no reboot)", "done"},
			{1707, "Success (no reboot)", "done"},
			{3010, "Soft reboot", "done after a restart"},
			{1641, "Hard reboot", "done, and the machine restarts"},
			{1618, "Fast retry", "another installation runs"},
		},
	}
	data, err := jsonOf(facts)
	return File{"configmgr/" + p.base() + ".json", data}, err
}

func jsonOf(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
