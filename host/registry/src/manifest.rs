//! Which layer is the component.

use oci_client::manifest::{OciDescriptor, OciManifest};

use crate::client::short;

/// The types under which components are pushed: wkg's and oci-client's, and that of older tools.
const MEDIA_TYPES: [&str; 3] = [
    "application/wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.module.wasm.content.layer.v1+wasm",
];

/// The one layer that is a component, or what the manifest has instead.
pub(crate) fn component(manifest: &[u8]) -> Result<OciDescriptor, String> {
    let manifest = match serde_json::from_slice(manifest) {
        Ok(OciManifest::Image(manifest)) => manifest,
        Ok(OciManifest::ImageIndex(_)) => {
            return Err("it is an index of several images, of which none can be meant".to_owned());
        }
        Err(_) => return Err("its manifest is none of the OCI image specification".to_owned()),
    };
    let is_wasm = |layer: &OciDescriptor| MEDIA_TYPES.contains(&layer.media_type.as_str());
    let types = || {
        let types: Vec<_> = manifest
            .layers
            .iter()
            .map(|layer| format!("`{}`", layer.media_type.escape_debug()))
            .collect();
        short(&types.join(", "))
    };
    match manifest.layers.as_slice() {
        [layer] if is_wasm(layer) => {
            // The hash that the sandbox knows components by.
            if layer.size < 0 {
                return Err(format!("its size is {}", layer.size));
            }
            if !stepwell_asl::is_sha256_digest(&layer.digest) {
                let digest = short(&layer.digest);
                return Err(format!("`{}` is no SHA-256 digest", digest.escape_debug()));
            }
            Ok(OciDescriptor { urls: None, ..layer.clone() })
        }
        [] => Err("it has no layers".to_owned()),
        [_] => Err(format!("its layer is of the type {}", types())),
        layers => Err(format!("it has {} layers: {}", layers.len(), types())),
    }
}
