//! A client that calls any method: its messages are those of the health service.

use tonic::client::Grpc;
use tonic::codec::Streaming;
use tonic::metadata::{AsciiMetadataKey, MetadataMap};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_prost::ProstCodec;

/// Metadata of a call.
pub(crate) type Metadata = Vec<(&'static str, &'static str)>;

pub(crate) async fn connect(url: &str) -> Channel {
    Endpoint::from_shared(url.to_owned()).unwrap().connect().await.unwrap()
}

fn request(metadata: &Metadata) -> Request<HealthCheckRequest> {
    let mut map = MetadataMap::new();
    for (name, value) in metadata {
        map.insert(AsciiMetadataKey::from_static(name), value.parse().unwrap());
    }
    let mut request = Request::new(HealthCheckRequest::default());
    *request.metadata_mut() = map;
    request
}

/// Calls a unary method.
pub(crate) async fn unary(channel: &Channel, path: &'static str, metadata: &Metadata) -> Result<(), Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
    client.unary(request(metadata), path.parse().unwrap(), codec).await.map(|_: Response<_>| ())
}

/// Calls a method that streams, and waits for its first message.
pub(crate) async fn streaming(
    channel: &Channel,
    path: &'static str,
    metadata: &Metadata,
) -> Result<(), Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
    let stream = client.server_streaming(request(metadata), path.parse().unwrap(), codec).await?;
    let mut stream: Streaming<HealthCheckResponse> = stream.into_inner();
    stream.message().await.map(|message| assert!(message.is_some()))
}
