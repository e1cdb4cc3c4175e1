/**
 * The message bus between controllers and invokers, as OpenWhisk uses Kafka: named topics with one partition, values of
 * UTF-8 JSON text, no keys, one consumer group per topic and purpose. Messages are text, never objects: number
 * spellings survive, and the embedded bus and Kafka carry the very same bytes.
 */

export interface Consumer {
  /** Stops delivery; resolves when the handler is not running and will not be called again. */
  close(): Promise<void>;
}

export interface Bus {
  /** Creates the topic when it is missing; an existing one is fine. */
  ensureTopic(topic: string): Promise<void>;
  /** Resolves when the bus has taken the message; rejects with BusError BUS_MESSAGE_TOO_LARGE or BUS_UNAVAILABLE. */
  send(topic: string, message: string): Promise<void>;
  /**
   * Delivers messages in order, each committed before it is handled (at most once, as OpenWhisk does).
   * The handler's promise is back-pressure: at most `maxInFlight` of them are pending.
   */
  consume(
    topic: string,
    group: string,
    options: { readonly maxInFlight: number },
    handler: (message: string) => Promise<void>,
  ): Promise<Consumer>;
  close(): Promise<void>;
}
