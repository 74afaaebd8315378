package sample

// Codes of the sample.
const (
	ProductCode = "{C1D55BF5-3B3A-5D6B-9F58-1C0A3F1B6C11}"
	UpgradeCode = "{7E0D5B0B-8A3B-4B0E-9C55-55B4B7E0A001}"
)

// tables are all tables but the sequences: a name, and below it its rows with "|" between the values
// (`\p` is that sign itself).
const tables = `
Property
	ProductCode|` + ProductCode + `
	UpgradeCode|` + UpgradeCode + `
	ProductName|Sample
	ProductVersion|1.2.3
	ProductLanguage|1033
	Manufacturer|Acme
	ALLUSERS|1
	REINSTALLMODE|amus
	MSIRESTARTMANAGERCONTROL|Disable
	REBOOT|ReallySuppress
	ARPNOMODIFY|1
	ARPCOMMENTS|Sample 1.2.3
	ARPHELPLINK|https://example.com/help
	ARPURLINFOABOUT|https://example.com/
	ARPPRODUCTICON|Sample.ico
	HfPortMax|65535
	HfQuote|"
	HfVersion|1.2.3
	SecureCustomProperties|HF_ALLOWDOWNGRADE;HF_CONFIG;HF_NEWER;HF_NOSTART;HF_OLDER;HF_PORT;HF_PORT_OLD;HF_PURGE;INSTALLDIR;INSTALLDIR_OLD
Directory
	TARGETDIR||SourceDir
	ProgramFiles64Folder|TARGETDIR|.
	INSTALLDIR|ProgramFiles64Folder|Sample
	CommonAppDataFolder|TARGETDIR|.
	DATADIR|CommonAppDataFolder|Sample
Component
	Exe|{6B3F4A6F-42C4-4F0B-8C0B-4C3F3A0B0001}|INSTALLDIR|256||Exe
	Licence|{6B3F4A6F-42C4-4F0B-8C0B-4C3F3A0B0002}|INSTALLDIR|256||Licence
	Settings|{6B3F4A6F-42C4-4F0B-8C0B-4C3F3A0B0003}|INSTALLDIR|260||SettingPort
	SearchPath|{6B3F4A6F-42C4-4F0B-8C0B-4C3F3A0B0004}|INSTALLDIR|256||
Feature
	Main||Sample||1|1||16
FeatureComponents
	Main|Exe
	Main|Licence
	Main|Settings
	Main|SearchPath
File
	Exe|Exe|sample.exe|4096|1.2.3.0|1033|512|1
	Licence|Licence|licence.rtf|1024|||512|2
MsiFileHash
	Licence|0|1|2|3|4
Media
	1|2||#sample.cab
Icon
	Sample.ico|Sample.ico
Registry
	SettingPort|2|SOFTWARE\Sample|Port|[HF_PORT]|Settings
	SettingInstallDir|2|SOFTWARE\Sample|InstallDir|[INSTALLDIR]|Settings
AppSearch
	HF_PORT_OLD|FindPort
	INSTALLDIR_OLD|FindInstallDir
RegLocator
	FindPort|2|SOFTWARE\Sample|Port|18
	FindInstallDir|2|SOFTWARE\Sample|InstallDir|18
CreateFolder
	INSTALLDIR|SearchPath
Environment
	SearchPath|=-*PATH|[~];[INSTALLDIR]|SearchPath
ServiceInstall
	Service|Sample|Sample|16|3|1|||NT AUTHORITY\LocalService||run --name Sample|Exe|A sample
ServiceControl
	ServiceControl|Sample|162||1|Exe
LaunchCondition
	Installed OR VersionNT64|[ProductName] needs a 64-bit Windows.
	Installed OR NOT HF_NEWER OR HF_ALLOWDOWNGRADE = 1|A newer version of [ProductName] is installed. Set HF_ALLOWDOWNGRADE=1 to go back.
Upgrade
	` + UpgradeCode + `||1.2.3||0||HF_OLDER
	` + UpgradeCode + `|1.2.3|||2||HF_NEWER
Binary
	HfSetup|setup.exe
CustomAction
	SetReinstall|51|REINSTALL|ALL
	SetInstallDirRemembered|51|INSTALLDIR|[INSTALLDIR_OLD]
	SetPortRemembered|51|HF_PORT|[HF_PORT_OLD]
	SetPortDefault|51|HF_PORT|8080
	CheckPort|19||HF_PORT is "[HF_PORT]": a number from 1 to 65535 is needed.
	CheckQuotes|19||HF_CONFIG must not have quotation marks.
	SetLocation|51|ARPINSTALLLOCATION|[INSTALLDIR]
	SetArgs1|51|HfArgs1|--name "Sample" --version "[HfVersion]" --install "[INSTALLDIR]." --data "[DATADIR]."
	SetArgs|51|HfArgs|[HfArgs1] --port "[HF_PORT]" --config "[HF_CONFIG]" --purge "[HF_PURGE]" --remove "[REMOVE]" --upgrading "[UPGRADINGPRODUCTCODE]" --older "[HF_OLDER]"
	HfGuard|3074|HfSetup|guard [HfArgs]
	HfSnapshotRollback|3330|HfSetup|snapshot-rollback [HfArgs]
	HfSnapshot|3074|HfSetup|snapshot [HfArgs]
	HfStop|3074|HfSetup|stop [HfArgs]
	HfRemoveRollback|3330|HfSetup|remove-rollback [HfArgs]
	HfRemove|3074|HfSetup|remove [HfArgs]
	HfApplyRollback|3330|HfSetup|apply-rollback [HfArgs]
	HfApply|3074|HfSetup|apply [HfArgs]
	HfStartRollback|3330|HfSetup|start-rollback [HfArgs]
	HfStart|3074|HfSetup|start [HfArgs]
	HfCommit|3586|HfSetup|commit [HfArgs]
ActionText
	HfStop|Stopping [ProductName]|[1]
Dialog
	WelcomeDlg|50|50|370|270|3|[ProductName]|Next|Next|
	ExitDlg|50|50|370|270|3|[ProductName]|Next|Next|
Control
	WelcomeDlg|Next|PushButton|100|100|60|20|3||Next|Next|
	ExitDlg|Next|PushButton|100|100|60|20|3||Finish|Next|
ControlEvent
	WelcomeDlg|Next|EndDialog|Return|1|1
	ExitDlg|Next|EndDialog|Return|1|1
`

// sequences are the sequence tables: action, number and condition a line.
func sequences() map[string]string {
	const costing = `
		CostInitialize 800
		FileCost 900
		CostFinalize 1000`
	return map[string]string{
		"InstallUISequence": `
			FindRelatedProducts 25
			AppSearch 50
			LaunchConditions 100
			SetInstallDirRemembered 110 NOT INSTALLDIR AND INSTALLDIR_OLD
			SetPortRemembered 120 NOT HF_PORT AND HF_PORT_OLD
			SetPortDefault 121 NOT HF_PORT` + costing + `
			MigrateFeatureStates 1200
			WelcomeDlg 1230 NOT Installed
			ExecuteAction 1300
			ExitDlg -1`,
		"InstallExecuteSequence": `
			FindRelatedProducts 25
			AppSearch 50
			LaunchConditions 100
			SetReinstall 105 Installed AND NOT REMOVE AND NOT REINSTALL
			SetInstallDirRemembered 110 NOT INSTALLDIR AND INSTALLDIR_OLD
			SetPortRemembered 120 NOT HF_PORT AND HF_PORT_OLD
			SetPortDefault 121 NOT HF_PORT
			CheckPort 130 NOT (HF_PORT >= 1 AND HF_PORT <= HfPortMax) AND NOT REMOVE
			CheckQuotes 131 HF_CONFIG >< HfQuote` + costing + `
			SetLocation 1009
			SetArgs1 1010
			SetArgs 1011
			MigrateFeatureStates 1200
			InstallValidate 1400
			InstallInitialize 1500
			HfGuard 1501 NOT REMOVE
			HfSnapshotRollback 1502
			HfSnapshot 1503
			InstallExecute 1509
			RemoveExistingProducts 1510
			ProcessComponents 1600
			UnpublishFeatures 1800
			HfStop 1899
			StopServices 1900
			DeleteServices 2000
			RemoveRegistryValues 2600
			RemoveEnvironmentStrings 3300
			HfRemoveRollback 3490 REMOVE AND NOT UPGRADINGPRODUCTCODE
			HfRemove 3491 REMOVE AND NOT UPGRADINGPRODUCTCODE
			RemoveFiles 3500
			RemoveFolders 3600
			CreateFolders 3700
			InstallFiles 4000
			WriteRegistryValues 5000
			WriteEnvironmentStrings 5200
			InstallServices 5800
			HfApplyRollback 5810 NOT REMOVE
			HfApply 5811 NOT REMOVE
			HfStartRollback 5910 NOT REMOVE AND NOT HF_NOSTART
			HfStart 5911 NOT REMOVE AND NOT HF_NOSTART
			RegisterUser 6000
			RegisterProduct 6100
			PublishFeatures 6300
			PublishProduct 6400
			HfCommit 6595
			InstallFinalize 6600`,
		"AdminUISequence": costing + `
			ExecuteAction 1300`,
		"AdminExecuteSequence": costing + `
			InstallValidate 1400
			InstallInitialize 1500
			InstallAdminPackage 3900
			InstallFiles 4000
			InstallFinalize 6600`,
		"AdvtExecuteSequence": `
			CostInitialize 800
			CostFinalize 1000
			InstallValidate 1400
			InstallInitialize 1500
			PublishFeatures 6300
			PublishProduct 6400
			InstallFinalize 6600`,
	}
}
