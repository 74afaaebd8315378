package wine

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
)

// What the shim is made of: one page of headers, one section at sectionRVA with the exports.
const (
	sectionRVA   = 0x1000
	fileAlign    = 0x200
	memoryAlign  = 0x1000
	optionalSize = 240 // of a PE32+ with all 16 directories
	imageBase    = 0x180000000
)

// exportDirectory is IMAGE_EXPORT_DIRECTORY (PE format, "The .edata Section").
type exportDirectory struct {
	Characteristics, TimeDateStamp uint32
	MajorVersion, MinorVersion     uint16
	Name, Base                     uint32
	NumberOfFunctions              uint32
	NumberOfNames                  uint32
	AddressOfFunctions             uint32
	AddressOfNames                 uint32
	AddressOfNameOrdinals          uint32
}

// prngShim is a bcryptprimitives.dll for Wine 8, which lacks the one function that every Go program
// needs of it: ProcessPrng. The DLL has no code; its only export is a forwarder to the same service
// under its older name, ADVAPI32.SystemFunction036 (RtlGenRandom).
func prngShim() []byte {
	exports := forwarder("bcryptprimitives.dll", "ProcessPrng", "ADVAPI32.SystemFunction036")

	optional := pe.OptionalHeader64{
		Magic:                       0x20b, // PE32+
		SizeOfInitializedData:       fileAlign,
		ImageBase:                   imageBase,
		SectionAlignment:            memoryAlign,
		FileAlignment:               fileAlign,
		MajorOperatingSystemVersion: 6,
		MajorSubsystemVersion:       6,
		SizeOfImage:                 sectionRVA + memoryAlign,
		SizeOfHeaders:               fileAlign,
		Subsystem:                   pe.IMAGE_SUBSYSTEM_WINDOWS_CUI,
		DllCharacteristics:          pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
		SizeOfStackReserve:          1 << 20,
		SizeOfStackCommit:           1 << 12,
		SizeOfHeapReserve:           1 << 20,
		SizeOfHeapCommit:            1 << 12,
		NumberOfRvaAndSizes:         16,
	}
	optional.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_EXPORT] = pe.DataDirectory{VirtualAddress: sectionRVA, Size: length(exports)}
	section := pe.SectionHeader32{
		VirtualSize: length(exports), VirtualAddress: sectionRVA, SizeOfRawData: fileAlign, PointerToRawData: fileAlign,
		Characteristics: pe.IMAGE_SCN_CNT_INITIALIZED_DATA | pe.IMAGE_SCN_MEM_READ,
	}
	copy(section.Name[:], ".edata")

	var image bytes.Buffer
	// The DOS header says only where the real one begins.
	const dosSize = 64
	dos := make([]byte, dosSize)
	copy(dos, "MZ")
	binary.LittleEndian.PutUint32(dos[0x3c:], dosSize)
	put(&image, dos, []byte("PE\x00\x00"), pe.FileHeader{
		Machine: pe.IMAGE_FILE_MACHINE_AMD64, NumberOfSections: 1, SizeOfOptionalHeader: optionalSize,
		Characteristics: pe.IMAGE_FILE_EXECUTABLE_IMAGE | pe.IMAGE_FILE_LARGE_ADDRESS_AWARE | pe.IMAGE_FILE_DLL,
	}, optional, section)
	pad(&image, fileAlign)
	put(&image, exports)
	pad(&image, 2*fileAlign)
	return image.Bytes()
}

// forwarder is the export section of a DLL whose only function is another DLL's. An export is a
// forwarder when its address lies within the export section and so points to the other's name.
func forwarder(dll, function, target string) []byte {
	const addresses, names, ordinals, text = 40, 44, 48, 52 // what follows the 40 bytes of the directory
	dllAt := uint32(sectionRVA + text)
	functionAt := dllAt + length(dll) + 1
	targetAt := functionAt + length(function) + 1
	return encode(
		exportDirectory{
			Name: dllAt, Base: 1, NumberOfFunctions: 1, NumberOfNames: 1,
			AddressOfFunctions: sectionRVA + addresses, AddressOfNames: sectionRVA + names, AddressOfNameOrdinals: sectionRVA + ordinals,
		},
		targetAt, functionAt, uint32(0),
		[]byte(dll+"\x00"+function+"\x00"+target+"\x00"),
	)
}

func encode(values ...any) []byte {
	var b bytes.Buffer
	put(&b, values...)
	return b.Bytes()
}

// put writes fixed-size values, which cannot fail.
func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		if err := binary.Write(b, binary.LittleEndian, v); err != nil {
			panic(err) // a value without a fixed size: a mistake in this file
		}
	}
}

func pad(b *bytes.Buffer, to int) { b.Write(make([]byte, to-b.Len())) }

func length[T string | []byte](s T) uint32 {
	return uint32(len(s)) //nolint:gosec // a few dozen bytes
}
