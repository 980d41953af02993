// Made by `make web-types` from the server's OpenAPI; not to be edited.

export interface paths {
    "/api/v1/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make Link
         * @description A link that lets one more browser in; for whoever knows the token, or is in already.
         */
        post: operations["make_link"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Studies
         * @description The studies that are served.
         */
        get: operations["list_studies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Study
         * @description What a study asks and how each of its artifacts stands.
         */
        get: operations["get_study"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/maps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Maps
         * @description The maps of a study that were made.
         */
        get: operations["list_maps"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/maps/{map}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Map
         * @description Every feature as a point. With `Accept: application/vnd.apache.arrow.stream` the columns are an Arrow stream,
         *     and sae and feature are columns, too.
         */
        get: operations["get_map"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/maps/{map}/across": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Across
         * @description What each feature is to the SAE next in size: the same, split, new, gone. For maps of several SAEs.
         */
        get: operations["get_across"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/maps/{map}/clusters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Clusters
         * @description Clusters of the map, the largest first, with their most central features.
         */
        get: operations["get_clusters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Runs
         * @description The training run of every SAE, finished or not, with its curve.
         */
        get: operations["list_runs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Saes
         * @description The SAEs of a study, trained or not.
         */
        get: operations["list_saes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Sae
         * @description An SAE: its settings, its figures with intervals and baselines, the histogram of densities.
         */
        get: operations["get_sae"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/beginnings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Beginnings
         * @description Features to begin with: the best one of each of the most common tags, else those that fire most strongly.
         */
        get: operations["list_beginnings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/cards": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Cards
         * @description Features by their numbers, each with its histogram and its strongest example.
         */
        get: operations["get_cards"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/concepts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Concepts
         * @description The tags that stand in the text of an index.
         */
        get: operations["list_concepts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/distribution": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Distribution
         * @description How a statistic is spread over the features of an SAE.
         */
        get: operations["get_distribution"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/doses": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Doses
         * @description The concepts with a stored dose, and what to type for another one.
         */
        get: operations["list_doses"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/doses/{concept}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Dose
         * @description The curve of one: every dose that was sampled, the best set and the best single feature.
         */
        get: operations["get_dose"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/features": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Features
         * @description Features by their statistics, tags and tokens, a page at a time.
         */
        get: operations["list_features"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/features/{number}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Feature
         * @description All that is known of a feature.
         */
        get: operations["get_feature"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/features/{number}/context": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Context
         * @description More of the text around one place at which a feature fires.
         */
        get: operations["get_context"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/features/{number}/cosines": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Cosines
         * @description Cosines of a feature's direction with those of all features, also as an Arrow stream.
         */
        get: operations["get_cosines"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/features/{number}/elsewhere": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Elsewhere
         * @description The nearest features of the study's other SAEs, by the cosine of decoder rows; it works without an index, too.
         */
        get: operations["get_elsewhere"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/features/{number}/examples": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Examples
         * @description Where a feature fires: most strongly, or at random within a tenth of (0, maximum] or a fifth of its firings; and
         *     where it is silent although its first token stands there.
         */
        get: operations["get_examples"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/features/{number}/firings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Firings
         * @description How often a feature fires in each tenth of (0, maximum], how strongly at which tokens, and how often it is silent
         *     at its own first token.
         */
        get: operations["get_firings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/features/{number}/note": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Put Note
         * @description Keep a name and a note. With `v` only where nothing was remade or noted since the client looked.
         */
        put: operations["put_note"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/features/{number}/relations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Relations
         * @description What goes together with a feature, where it was among those that were measured.
         */
        get: operations["get_relations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/find": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Find Features
         * @description Features by exactly one way, best first; `where` says which may be found.
         */
        post: operations["find_features"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/groundtruth": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Groundtruth
         * @description How many concepts have a feature; it reads what was measured, and measures nothing.
         */
        get: operations["get_groundtruth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/next": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Next Tokens
         * @description Probabilities of the next token at a position of a prompt, plain and with edits.
         */
        post: operations["next_tokens"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/saes/{sae}/prompt": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read Tokens
         * @description The features at each token of a prompt. It works without an index, too.
         */
        post: operations["read_tokens"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/studies/{study}/work": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Work
         * @description Who writes the study, what is not finished and how far it is, and what was done last.
         */
        get: operations["get_work"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Health
         * @description Whether the server answers.
         */
        get: operations["get_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Health
         * @description Whether the server answers.
         */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/activation/all": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Activation All
         * @description The features that fire most in a prompt.
         */
        post: operations["activation_all"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/activation/all-batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Activation All Batch
         * @description The same for several prompts.
         */
        post: operations["activation_all_batch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/activation/single": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Activation Single
         * @description Activations of one feature, or of a direction, at each token of a prompt.
         */
        post: operations["activation_single"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/activation/single-batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Activation Single Batch
         * @description The same for several prompts.
         */
        post: operations["activation_single_batch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/activation/source": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Activation Source
         * @description All activations of an SAE in a few prompts.
         */
        post: operations["activation_source"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/activation/topk-by-token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Activation Topk By Token
         * @description The strongest features at each token of a prompt.
         */
        post: operations["activation_topk_by_token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/activation/topk-by-token-batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Activation Topk By Token Batch
         * @description The same for several prompts.
         */
        post: operations["activation_topk_by_token_batch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/capabilities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Capabilities
         * @description What can be asked.
         */
        get: operations["get_capabilities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/chat/completions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Chat
         * @description Answer in a chat, steered or not.
         */
        post: operations["chat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/completions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Complete
         * @description Go on with a text, steered or not.
         */
        post: operations["complete"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Models
         * @description What can be named as `model`: each study, and each of its SAEs that is trained.
         */
        get: operations["list_models"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models/{model}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Model
         * @description One of them.
         */
        get: operations["get_model"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/steer/completion": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Steer Completion
         * @description Go on with a text.
         */
        post: operations["steer_completion"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/steer/completion-chat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Steer Completion Chat
         * @description Go on with a chat.
         */
        post: operations["steer_completion_chat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokenize": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Tokenize
         * @description Tokens of a text.
         */
        post: operations["tokenize"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/util/sae-topk-by-decoder-cossim": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sae Topk By Decoder Cossim
         * @description Features whose decoder rows are closest to a feature's, or to a vector.
         */
        post: operations["sae_topk_by_decoder_cossim"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/util/sae-vector": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sae Vector
         * @description A feature's decoder row, in the model's own units.
         */
        post: operations["sae_vector"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * AcrossPair
         * @description Two SAEs next to each other in size.
         */
        AcrossPair: {
            /**
             * Chance
             * @description Cosine that 1 feature in 100 of the smaller one reaches with the best of as many random directions.
             */
            chance: number;
            /** Large */
            large: string;
            /** Large Classes */
            large_classes: components["schemas"]["ClassCount"][];
            /** Small */
            small: string;
            /** Small Classes */
            small_classes: components["schemas"]["ClassCount"][];
            /**
             * Threshold
             * @description Cosine from which features are near.
             */
            threshold: number;
        };
        /**
         * AcrossRecord
         * @description What each feature is to the SAE next in size. Columns are equally long.
         */
        AcrossRecord: {
            /**
             * Compared
             * @description Which rows are of which SAEs.
             */
            compared: components["schemas"]["Compared"][];
            /**
             * Cosine
             * @description With that one.
             */
            cosine: number[];
            /**
             * Kind
             * @description Place in `kinds`.
             */
            kind: number[];
            /**
             * Kinds
             * @description What `kind` counts. matched: it and its nearest are nearest to each other, and near; split: it or its parent has
             *     several children; near: near, but another one is nearer to it; new, orphaned: near nothing; dead: no direction.
             */
            kinds: ("matched" | "split" | "near" | "new" | "orphaned" | "dead")[];
            /** Name */
            name: string;
            /**
             * Nearest
             * @description Number of the other SAE's feature with the nearest direction; null where it has no direction.
             */
            nearest: (number | null)[];
            /** Pairs */
            pairs: components["schemas"]["AcrossPair"][];
            /**
             * Version
             * @description Version of the map.
             */
            version: string;
        };
        /**
         * ActivationValues
         * @description One activation a token.
         */
        ActivationValues: {
            /** Maxvalue */
            maxValue: number;
            /** Maxvalueindex */
            maxValueIndex: number;
            /** Values */
            values: number[];
        };
        /**
         * ActiveFeatures
         * @description For each feature that fires, by its number: pairs of a token's position and the activation there.
         */
        ActiveFeatures: {
            [key: string]: [
                number,
                number
            ][];
        };
        /**
         * AllBatchRequest
         * @description The same for several prompts.
         */
        AllBatchRequest: {
            /**
             * Ignorebos
             * @description Special tokens are left out in any case.
             */
            ignoreBos: boolean;
            /** Model */
            model: string;
            /**
             * Numresults
             * @default 25
             */
            numResults?: number | null;
            /** Prompts */
            prompts: string[];
            /**
             * Selectedsources
             * @description None: all SAEs of the study's first model that are trained.
             */
            selectedSources: string[];
            /**
             * Sortbytokenindexes
             * @description Sort by the sum of the activations at these tokens; none: by the largest activation.
             */
            sortByTokenIndexes: number[];
            /**
             * Sourceset
             * @description Taken and not used: a study is one set.
             */
            sourceSet: string;
        };
        /**
         * AllBatchResponse
         * @description One for each prompt.
         */
        AllBatchResponse: {
            /** Results */
            results: components["schemas"]["AllResponse"][];
        };
        /**
         * AllFeature
         * @description A feature and its activations.
         */
        AllFeature: {
            /** Index */
            index: number;
            /** Maxvalue */
            maxValue: number;
            /** Maxvalueindex */
            maxValueIndex: number;
            /** Source */
            source: string;
            /**
             * Sumvalues
             * @description Over the tokens to sort by; 0 where there are none.
             */
            sumValues: number;
            /** Values */
            values: number[];
        };
        /**
         * AllRequest
         * @description The features that fire most in a prompt.
         */
        AllRequest: {
            /**
             * Ignorebos
             * @description Special tokens are left out in any case.
             */
            ignoreBos: boolean;
            /** Model */
            model: string;
            /**
             * Numresults
             * @default 25
             */
            numResults?: number | null;
            /** Prompt */
            prompt: string;
            /**
             * Selectedsources
             * @description None: all SAEs of the study's first model that are trained.
             */
            selectedSources: string[];
            /**
             * Sortbytokenindexes
             * @description Sort by the sum of the activations at these tokens; none: by the largest activation.
             */
            sortByTokenIndexes: number[];
            /**
             * Sourceset
             * @description Taken and not used: a study is one set.
             */
            sourceSet: string;
        };
        /**
         * AllResponse
         * @description Features, the strongest first, and the tokens of the prompt.
         */
        AllResponse: {
            /** Activations */
            activations: components["schemas"]["AllFeature"][];
            /** Tokens */
            tokens: string[];
        };
        /**
         * ArtifactState
         * @description How one artifact stands, told by manifests alone (`monosema info` compares with study.toml, too).
         */
        ArtifactState: {
            /**
             * Hash
             * @description Content hash; null where it is not whole.
             */
            hash: string | null;
            /**
             * Kind
             * @description Stage that makes it: plan, tokens, activations, sae, evaluation, index.
             */
            kind: string;
            /**
             * Made
             * @description UTC time at which it was finished.
             */
            made: string | null;
            /**
             * Name
             * @description Its name among those of its kind.
             */
            name: string;
            /**
             * State
             * @description `stale`: what it was made from was remade since; `unfinished`: begun, and being made where a writer is told.
             * @enum {string}
             */
            state: "made" | "stale" | "unfinished" | "absent";
        };
        /**
         * BaselineFigure
         * @description What something simpler reaches in the same figure.
         */
        BaselineFigure: {
            figure: components["schemas"]["Interval"];
            /**
             * Name
             * @description Such as PCA.
             */
            name: string;
            /**
             * What
             * @description What it is, in words.
             */
            what: string;
        };
        /**
         * Beginning
         * @description A feature to begin with.
         */
        Beginning: {
            /**
             * F1
             * @description How well its firing tells the spans of that tag.
             */
            f1: number | null;
            feature: components["schemas"]["FeatureRow"];
            /**
             * Tag
             * @description The tag that it was chosen for; null for one that was chosen for its largest activation.
             */
            tag: string | null;
        };
        /**
         * Beginnings
         * @description Features to begin with: those of tags by F1, then others by their largest activation.
         */
        Beginnings: {
            /** @description What they were chosen by. */
            coverage: components["schemas"]["Coverage"];
            /** Features */
            features: components["schemas"]["Beginning"][];
            /**
             * Version
             * @description Version of the SAE.
             */
            version: string;
        };
        /**
         * Bounds
         * @description A smallest and a largest value, both allowed; null asks nothing.
         */
        Bounds: {
            /** High */
            high?: number | null;
            /** Low */
            low?: number | null;
        };
        /**
         * Candidate
         * @description A feature that was found.
         */
        Candidate: {
            feature: components["schemas"]["FeatureRow"];
            /**
             * Score
             * @description What it was ranked by.
             */
            score: number;
            /**
             * Why
             * @description The figures behind it, in words.
             */
            why: string;
        };
        /**
         * Capabilities
         * @description What can be asked of this server.
         */
        Capabilities: {
            endpoints: components["schemas"]["Endpoints"];
            /** Max Concurrent Requests */
            max_concurrent_requests: number;
            /** Max Num Results */
            max_num_results: number;
            /**
             * Max Tokens
             * @description Most new tokens of an answer.
             */
            max_tokens: number;
            /**
             * Models
             * @description What `model` and `source` may name.
             */
            models: components["schemas"]["ServedSources"][];
        };
        /**
         * CentralFeature
         * @description A feature of a cluster.
         */
        CentralFeature: {
            /**
             * Central
             * @description Cosine with the mean direction of the cluster.
             */
            central: number;
            /** @description Null where its SAE has no finished index. */
            name: components["schemas"]["FeatureName"] | null;
            /** Number */
            number: number;
            /**
             * Point
             * @description Its place among the points of the map.
             */
            point: number;
            /** Sae */
            sae: string;
        };
        /**
         * Chance
         * @description How likely a token is to come next.
         */
        Chance: {
            /**
             * Edited
             * @description The same with the edits; null where there are none.
             */
            edited: number | null;
            /**
             * Plain
             * @description Its probability.
             */
            plain: number;
            /** Text */
            text: string;
            /**
             * Token
             * @description Its number in the vocabulary.
             */
            token: number;
        };
        /**
         * ChatChoice
         * @description An answer.
         */
        ChatChoice: {
            /**
             * Features
             * @description One for each token that the model has read, where they were asked for.
             */
            features?: components["schemas"]["TokenFeatures"][] | null;
            /**
             * Finish Reason
             * @enum {string}
             */
            finish_reason: "stop" | "length";
            /**
             * Index
             * @default 0
             */
            index?: number;
            /** Logprobs */
            logprobs?: null;
            message: components["schemas"]["ChatMessage"];
        };
        /**
         * ChatChunk
         * @description A piece of an answer in a chat: the data of one event of a stream.
         */
        ChatChunk: {
            /**
             * Choices
             * @description None in the piece that tells the usage.
             */
            choices: components["schemas"]["ChatPiece"][];
            /**
             * Created
             * @description Unix time.
             */
            created: number;
            /** Id */
            id: string;
            /** Model */
            model: string;
            /**
             * Object
             * @default chat.completion.chunk
             * @constant
             */
            object?: "chat.completion.chunk";
            /** Seed */
            seed: number;
            /** @default null */
            usage?: components["schemas"]["Usage"] | null;
        };
        /**
         * ChatCompletion
         * @description An answer in a chat.
         */
        ChatCompletion: {
            /** Choices */
            choices: components["schemas"]["ChatChoice"][];
            /**
             * Created
             * @description Unix time.
             */
            created: number;
            /** Id */
            id: string;
            /** Model */
            model: string;
            /**
             * Object
             * @default chat.completion
             * @constant
             */
            object?: "chat.completion";
            /** Seed */
            seed: number;
            usage: components["schemas"]["Usage"];
        };
        /**
         * ChatDelta
         * @description What a piece adds to what the assistant says.
         */
        ChatDelta: {
            /**
             * Content
             * @default null
             */
            content?: string | null;
            /**
             * Role
             * @description In the first piece.
             * @default null
             */
            role?: "assistant" | null;
        };
        /**
         * ChatMessage
         * @description What the assistant says.
         */
        ChatMessage: {
            /** Content */
            content: string;
            /**
             * Role
             * @default assistant
             * @constant
             */
            role?: "assistant";
        };
        /**
         * ChatPiece
         * @description A piece of an answer.
         */
        ChatPiece: {
            delta: components["schemas"]["ChatDelta"];
            /**
             * Features
             * @description Of the tokens that the model has read by now, each told once; where they were asked for.
             * @default null
             */
            features?: components["schemas"]["TokenFeatures"][] | null;
            /**
             * Finish Reason
             * @description Null while there is more.
             */
            finish_reason: ("stop" | "length") | null;
            /**
             * Index
             * @default 0
             */
            index?: number;
            /**
             * Logprobs
             * @default null
             */
            logprobs?: null;
        };
        /**
         * ChatRequest
         * @description A chat, up to where the assistant is to answer.
         */
        ChatRequest: {
            /**
             * Control
             * @description A seed by which random features that fire in the index are drawn, to be edited in the place of those in
             *     `steering`: together a contribution of equal norm that means something else.
             */
            control?: number | null;
            /**
             * Features
             * @description How many of the strongest features of the SAE are told at each new token.
             * @default 0
             */
            features?: number;
            /**
             * Max Completion Tokens
             * @description The newer name of `max_tokens`.
             */
            max_completion_tokens?: number | null;
            /**
             * Max Tokens
             * @description New tokens at most.
             */
            max_tokens?: number | null;
            /** Messages */
            messages: components["schemas"]["ChatTurn"][];
            /**
             * Model
             * @description `STUDY`, or `STUDY/SAE`: the same model, whose SAE `steering` and `features` mean.
             */
            model: string;
            /**
             * N
             * @description Answers; one is written at a time.
             * @default 1
             */
            n?: number;
            /**
             * Seed
             * @description The same seed gives the same text; where it is not given, one is drawn and told in the answer.
             */
            seed?: number | null;
            /**
             * Steering
             * @description What to steer the model by.
             * @default []
             */
            steering?: components["schemas"]["Steer"][];
            /**
             * Stop
             * @description Texts before the first of which the answer ends; one alone needs no list.
             */
            stop?: string[] | null;
            /**
             * Stream
             * @description Whether pieces are sent as server-sent events while the model writes.
             * @default false
             */
            stream?: boolean;
            stream_options?: components["schemas"]["StreamOptions"] | null;
            /**
             * Temperature
             * @description 0: always the likeliest token.
             * @default 1
             */
            temperature?: number;
            /**
             * Top P
             * @description Draw among the likeliest tokens that together have this probability.
             * @default 1
             */
            top_p?: number;
            /**
             * User
             * @description Taken and not used.
             */
            user?: string | null;
        };
        /**
         * ChatTurn
         * @description One message of a chat.
         */
        ChatTurn: {
            /** Content */
            content: string | components["schemas"]["TextPart"][];
            /**
             * Role
             * @description As the model's chat template names it, such as user.
             */
            role: string;
        };
        /**
         * ClassCount
         * @description How many features are of a class.
         */
        ClassCount: {
            /** Count */
            count: number;
            /**
             * Name
             * @enum {string}
             */
            name: "matched" | "split" | "near" | "new" | "orphaned" | "dead";
        };
        /**
         * Classifier
         * @description How well features tell labelled texts apart: shares of held-out texts that are told right, with intervals.
         */
        Classifier: {
            /** @description Of the classifier on several features. */
            accuracy: components["schemas"]["Interval"];
            /**
             * Best
             * @description That feature.
             */
            best: number;
            /**
             * Held Out
             * @description Texts that these are measured on.
             */
            held_out: number;
            /** @description Of always saying the label that more texts have. */
            larger: components["schemas"]["Interval"];
            /** @description Of the best single feature with its best threshold. */
            single: components["schemas"]["Interval"];
            /**
             * Used
             * @description Features that have a weight.
             */
            used: number;
        };
        /**
         * Cluster
         * @description Features whose directions are alike.
         */
        Cluster: {
            /**
             * Central
             * @description The most central first.
             */
            central: components["schemas"]["CentralFeature"][];
            /**
             * Features
             * @description How many it has.
             */
            features: number;
            /** Number */
            number: number;
            /**
             * X
             * @description Mean of their places.
             */
            x: number;
            /** Y */
            y: number;
        };
        /**
         * Clusters
         * @description Clusters of a map, the largest first.
         */
        Clusters: {
            /** Clusters */
            clusters: components["schemas"]["Cluster"][];
            /**
             * Total
             * @description How many the map has.
             */
            total: number;
            /**
             * Version
             * @description Version of the map.
             */
            version: string;
        };
        /**
         * Coactive
         * @description A feature that fires at the same positions.
         */
        Coactive: {
            name: components["schemas"]["FeatureName"] | null;
            /** Number */
            number: number;
            /**
             * Phi
             * @description Correlation of "it fires" between the two, over all positions.
             */
            phi: number;
            /**
             * Together
             * @description Positions at which both fire.
             */
            together: number;
        };
        /**
         * Compared
         * @description The features of one SAE beside another one's: consecutive rows.
         */
        Compared: {
            /** Features */
            features: number;
            /** Other */
            other: string;
            /** Sae */
            sae: string;
            /**
             * Start
             * @description Row of feature 0; the others follow by their numbers.
             */
            start: number;
        };
        /**
         * Completion
         * @description Text that the model went on with, or a piece of it.
         */
        Completion: {
            /** Choices */
            choices: components["schemas"]["TextChoice"][];
            /**
             * Created
             * @description Unix time.
             */
            created: number;
            /** Id */
            id: string;
            /** Model */
            model: string;
            /**
             * Object
             * @default text_completion
             * @constant
             */
            object?: "text_completion";
            /** Seed */
            seed: number;
            usage?: components["schemas"]["Usage"] | null;
        };
        /**
         * CompletionRequest
         * @description Text to go on with.
         */
        CompletionRequest: {
            /**
             * Control
             * @description A seed by which random features that fire in the index are drawn, to be edited in the place of those in
             *     `steering`: together a contribution of equal norm that means something else.
             */
            control?: number | null;
            /**
             * Features
             * @description How many of the strongest features of the SAE are told at each new token.
             * @default 0
             */
            features?: number;
            /**
             * Max Tokens
             * @description New tokens at most.
             */
            max_tokens?: number | null;
            /**
             * Model
             * @description `STUDY`, or `STUDY/SAE`: the same model, whose SAE `steering` and `features` mean.
             */
            model: string;
            /**
             * N
             * @description Answers; one is written at a time.
             * @default 1
             */
            n?: number;
            /**
             * Prompt
             * @description Plain text; special tokens that are spelled out in it stay text.
             */
            prompt: string | string[];
            /**
             * Seed
             * @description The same seed gives the same text; where it is not given, one is drawn and told in the answer.
             */
            seed?: number | null;
            /**
             * Steering
             * @description What to steer the model by.
             * @default []
             */
            steering?: components["schemas"]["Steer"][];
            /**
             * Stop
             * @description Texts before the first of which the answer ends; one alone needs no list.
             */
            stop?: string[] | null;
            /**
             * Stream
             * @description Whether pieces are sent as server-sent events while the model writes.
             * @default false
             */
            stream?: boolean;
            stream_options?: components["schemas"]["StreamOptions"] | null;
            /**
             * Temperature
             * @description 0: always the likeliest token.
             * @default 1
             */
            temperature?: number;
            /**
             * Top P
             * @description Draw among the likeliest tokens that together have this probability.
             * @default 1
             */
            top_p?: number;
            /**
             * User
             * @description Taken and not used.
             */
            user?: string | null;
        };
        /**
         * Concept
         * @description A tag that stands in the text of an index.
         */
        Concept: {
            /**
             * Positions
             * @description Positions inside its spans.
             */
            positions: number;
            /** Tag */
            tag: string;
        };
        /**
         * Concepts
         * @description The tags of an index, most positions first.
         */
        Concepts: {
            /** Concepts */
            concepts: components["schemas"]["Concept"][];
            /** @description What the index has seen. */
            coverage: components["schemas"]["Coverage"];
        };
        /**
         * Coordinate
         * @description A coordinate of the residual stream that is like a feature.
         */
        Coordinate: {
            /** Number */
            number: number;
            /**
             * R
             * @description Correlation with the feature's activation.
             */
            r: number;
        };
        /**
         * CorpusSource
         * @description A text that a study names.
         */
        CorpusSource: {
            /**
             * Name
             * @description Its name in study.toml.
             */
            name: string;
            /**
             * Sources
             * @description Files, folders, data sets or bundled texts.
             */
            sources: string[];
        };
        /**
         * CosineFeature
         * @description A feature that is close.
         */
        CosineFeature: {
            /** Cosinesimilarity */
            cosineSimilarity: number;
            feature: components["schemas"]["FeatureOf"];
        };
        /**
         * Cosines
         * @description Cosines of a feature's decoder row with those of all features of its SAE.
         */
        Cosines: {
            /**
             * Cosine
             * @description By the number of the feature; null for one without a direction.
             */
            cosine: (number | null)[];
            /** Number */
            number: number;
            /**
             * Version
             * @description Version of the SAE.
             */
            version: string;
        };
        /**
         * CosinesRequest
         * @description Features whose directions are closest to a feature's, or to a vector.
         */
        CosinesRequest: {
            feature?: components["schemas"]["FeatureOf"] | null;
            /** Model */
            model: string;
            /** Numresults */
            numResults: number;
            /** Source */
            source: string;
            /** Vector */
            vector?: number[] | null;
        };
        /**
         * CosinesResponse
         * @description The closest first.
         */
        CosinesResponse: {
            feature: components["schemas"]["FeatureOf"] | null;
            /** Topkdecodercossimfeatures */
            topkDecoderCossimFeatures: components["schemas"]["CosineFeature"][];
        };
        /**
         * Coverage
         * @description How much of the text an index has seen.
         */
        Coverage: {
            /**
             * Expected
             * @description Positions that there will be in the end.
             */
            expected: number;
            /**
             * Finished
             * @description False while it is being made: then nothing is told yet of names, promoted tokens and neighbours, the rest is of
             *     the positions so far, and all of it changes.
             */
            finished: boolean;
            /**
             * Positions
             * @description Positions that were encoded.
             */
            positions: number;
        };
        /**
         * CurvePoint
         * @description A step of training (docs/metrics.md).
         */
        CurvePoint: {
            /** Dead Share */
            dead_share: number | null;
            /** Grad Norm */
            grad_norm: number | null;
            /** L0 */
            l0: number | null;
            /**
             * Loss
             * @description Null where a figure is not finite, here and below.
             */
            loss: number | null;
            /** Lr */
            lr: number | null;
            /** Mse */
            mse: number | null;
            /**
             * Positions
             * @description Positions seen by then.
             */
            positions: number;
            /** Step */
            step: number;
            /**
             * Variance Explained
             * @description Of the batch of this step.
             */
            variance_explained: number | null;
        };
        /**
         * DensityBins
         * @description How densities are spread over the features that are not dead.
         */
        DensityBins: {
            /**
             * Edges
             * @description log10 of density: edges of the bins, one more than shares.
             */
            edges: number[];
            /**
             * Shares
             * @description Share of all features in each bin; with the dead share they add up to 1.
             */
            shares: components["schemas"]["Interval"][];
        };
        /**
         * Distribution
         * @description How a statistic is spread over the features that fire in the index.
         */
        Distribution: {
            /**
             * Counts
             * @description Features in each bin; a bin holds its lower edge, the last one its upper edge, too.
             */
            counts: number[];
            /** @description What the index has seen. */
            coverage: components["schemas"]["Coverage"];
            /**
             * Dead
             * @description Features that never fire in it; they are in no bin.
             */
            dead: number;
            /**
             * Edges
             * @description Of the bins, from the least to the largest value, one more than counts; none where no feature fires.
             */
            edges: number[];
            /**
             * Fires
             * @description Features that fire in the index.
             */
            fires: number;
            /**
             * Median
             * @description Over the features that fire.
             */
            median: number | null;
            /**
             * Scale
             * @enum {string}
             */
            scale: "log" | "linear";
            /**
             * Statistic
             * @enum {string}
             */
            statistic: "density" | "count" | "mean" | "maximum";
        };
        /**
         * DocumentTag
         * @description A tag of a whole document.
         */
        DocumentTag: {
            /** Name */
            name: string;
            /**
             * Value
             * @description As text; JSON where it was no text.
             */
            value: string;
        };
        /**
         * DoseFeature
         * @description What a dose does to a feature.
         */
        DoseFeature: {
            /**
             * Maximum
             * @description Its largest activation when the dose was searched.
             */
            maximum: number;
            /** Number */
            number: number;
            /**
             * Operation
             * @description `clamp` for a single feature, `add` for those of a set.
             */
            operation: string;
            /**
             * Value
             * @description The activation that it is put at, or that is added: maximum times weight times the dose's multiple.
             */
            value: number;
            /**
             * Weight
             * @description Its share in the set.
             */
            weight: number;
        };
        /**
         * DoseList
         * @description The doses that are stored for an SAE.
         */
        DoseList: {
            /**
             * Command
             * @description What to type for another one; CONCEPT stands for its id.
             */
            command: string;
            /** Doses */
            doses: components["schemas"]["DoseSummary"][];
        };
        /**
         * DosePointRecord
         * @description A dose and what the model wrote at it.
         */
        DosePointRecord: {
            /**
             * Answers
             * @description Answers behind these shares.
             */
            answers: number;
            /**
             * Both
             * @description Share of answers that name it in fluent text.
             */
            both: number;
            /** Features */
            features: components["schemas"]["DoseFeature"][];
            /**
             * Fluent
             * @description Share of answers that are fluent (docs/metrics.md).
             */
            fluent: number;
            /** Multiple */
            multiple: number;
            /**
             * Named
             * @description Share of answers that name the concept.
             */
            named: number;
            /**
             * Positions
             * @enum {string}
             */
            positions: "all" | "prompt" | "answer" | "fading";
        };
        /**
         * DoseRecord
         * @description A dose with all that was sampled.
         */
        DoseRecord: {
            best: components["schemas"]["DosePointRecord"];
            /**
             * Concept
             * @description Id in the catalogue of concepts; what `steering` takes.
             */
            concept: string;
            /**
             * Plain
             * @description Share of plain answers that name it.
             */
            plain: number;
            /**
             * Points
             * @description Every dose that was sampled.
             */
            points: components["schemas"]["DosePointRecord"][];
            /** @description The best one with a single feature. */
            single: components["schemas"]["DosePointRecord"];
        };
        /**
         * DoseSummary
         * @description A dose in the list.
         */
        DoseSummary: {
            best: components["schemas"]["DosePointRecord"];
            /**
             * Concept
             * @description Id in the catalogue of concepts; what `steering` takes.
             */
            concept: string;
            /**
             * Plain
             * @description Share of plain answers that name it.
             */
            plain: number;
        };
        /**
         * Elsewhere
         * @description The features of another SAE that are nearest to one.
         */
        Elsewhere: {
            /**
             * Chance
             * @description Cosine that 1 direction in 100 reaches with the best of as many evenly drawn ones as that SAE has features.
             */
            chance: number;
            /**
             * Hook
             * @description Hook point that it reads.
             */
            hook: string;
            /**
             * Neighbours
             * @description Nearest first.
             */
            neighbours: components["schemas"]["Neighbour"][];
            /** Sae */
            sae: string;
        };
        /**
         * Endpoints
         * @description Which routes there are.
         */
        Endpoints: {
            /**
             * Activation All
             * @default true
             */
            activation_all?: boolean;
            /**
             * Activation Attention
             * @default false
             */
            activation_attention?: boolean;
            /**
             * Activation Raw
             * @default false
             */
            activation_raw?: boolean;
            /**
             * Activation Single
             * @default true
             */
            activation_single?: boolean;
            /**
             * Activation Source
             * @default true
             */
            activation_source?: boolean;
            /**
             * Activation Topk By Token
             * @default true
             */
            activation_topk_by_token?: boolean;
            /**
             * Dfa
             * @default false
             */
            dfa?: boolean;
            /**
             * Lens Jacobian
             * @default false
             */
            lens_jacobian?: boolean;
            /**
             * Lens Logit
             * @default false
             */
            lens_logit?: boolean;
            /**
             * Neurons
             * @default false
             */
            neurons?: boolean;
            /**
             * Steer Completion
             * @default true
             */
            steer_completion?: boolean;
            /**
             * Steer Completion Chat
             * @default true
             */
            steer_completion_chat?: boolean;
            /**
             * Tokenize
             * @default true
             */
            tokenize?: boolean;
        };
        /**
         * ErrorBody
         * @description The body of every answer that is no success.
         */
        ErrorBody: {
            error: components["schemas"]["Problem"];
        };
        /**
         * EvaluationRecord
         * @description Figures on documents that the SAE never saw.
         */
        EvaluationRecord: {
            density: components["schemas"]["DensityBins"];
            /** Documents */
            documents: number;
            /** Figures */
            figures: components["schemas"]["NamedFigure"][];
            /**
             * Notes
             * @description Plain sentences that belong to the figures: baselines that win, much left out.
             */
            notes: string[];
            /** Positions */
            positions: number;
            /**
             * Split
             * @description Which documents.
             */
            split: string;
        };
        /**
         * Example
         * @description A piece of a document with a feature's activation at each token.
         */
        Example: {
            /**
             * Activations
             * @description One for each token; 0 where it does not fire, and at positions that are left out.
             */
            activations: number[];
            /**
             * Document
             * @description Number of the document.
             */
            document: number;
            /**
             * Peak
             * @description Which token the piece is shown for.
             */
            peak: number;
            /**
             * Position
             * @description Offset of the peak among the document's tokens.
             */
            position: number;
            /**
             * Source
             * @description File or data set that the document is from.
             */
            source: string;
            /** Tags */
            tags: components["schemas"]["DocumentTag"][];
            /**
             * Tokens
             * @description Texts of the tokens; end to end they are the text of the piece.
             */
            tokens: string[];
        };
        /**
         * Examples
         * @description Examples of one group.
         */
        Examples: {
            /** @description What they were chosen from. */
            coverage: components["schemas"]["Coverage"];
            /** Examples */
            examples: components["schemas"]["Example"][];
            /** Feature */
            feature: number;
            /**
             * Group
             * @enum {string}
             */
            group: "top" | "silent" | "interval:0" | "interval:1" | "interval:2" | "interval:3" | "interval:4" | "interval:5" | "interval:6" | "interval:7" | "interval:8" | "interval:9" | "quantile:0" | "quantile:1" | "quantile:2" | "quantile:3" | "quantile:4";
            /**
             * Maximum
             * @description Largest activation of the feature, for colours.
             */
            maximum: number;
        };
        /**
         * FeatureCard
         * @description A feature with what a small picture of it needs.
         */
        FeatureCard: {
            /**
             * Count
             * @description Positions at which it fires.
             */
            count: number;
            /**
             * Density
             * @description Share of positions at which it fires; 0 for one that never fires.
             */
            density: number;
            /** @description Where it fires most strongly; null where it never fires. */
            example: components["schemas"]["Example"] | null;
            histogram: components["schemas"]["Histogram"];
            /**
             * Maximum
             * @description Largest activation.
             */
            maximum: number;
            /**
             * Mean
             * @description Mean of its activations where it fires.
             */
            mean: number;
            /** @description Null before the index is whole. */
            name: components["schemas"]["FeatureName"] | null;
            /**
             * Number
             * @description Row of the decoder.
             */
            number: number;
            /**
             * Tokens
             * @description Tokens at which it fires with the largest summed activation, largest first.
             */
            tokens: components["schemas"]["TokenFigure"][];
        };
        /**
         * FeatureCards
         * @description Some features.
         */
        FeatureCards: {
            /** @description What is told is of. */
            coverage: components["schemas"]["Coverage"];
            /**
             * Features
             * @description In the order in which they were asked for.
             */
            features: components["schemas"]["FeatureCard"][];
            /**
             * Version
             * @description Version of the SAE.
             */
            version: string;
        };
        /**
         * FeatureName
         * @description What a feature is called.
         */
        FeatureName: {
            /**
             * By
             * @description Who named it; `rule` for none but the rules, `a person` for a name of somebody's own.
             */
            by: string;
            /**
             * Confidence
             * @description A measured share in [0, 1]; its rule says of what. 1 for a name that a person gave.
             */
            confidence: number;
            /**
             * Rule
             * @description Rule that gave it; `own` for a person's.
             */
            rule: string;
            /** Text */
            text: string;
        };
        /**
         * FeatureOf
         * @description One feature.
         */
        FeatureOf: {
            /** Index */
            index: number;
            /** Model */
            model: string;
            /** Source */
            source: string;
        };
        /**
         * FeaturePage
         * @description One page of a list of features.
         */
        FeaturePage: {
            /** @description What the list is of. */
            coverage: components["schemas"]["Coverage"];
            /** Features */
            features: components["schemas"]["FeatureRow"][];
            /**
             * Next
             * @description `cursor` of the next page; null on the last one.
             */
            next: string | null;
            /**
             * Total
             * @description Features in the whole list.
             */
            total: number;
            /**
             * Version
             * @description Version of the SAE that the list is of.
             */
            version: string;
        };
        /**
         * FeatureRecord
         * @description All that is known of a feature.
         */
        FeatureRecord: {
            /** @description What the rules call it where a person has named it; null elsewhere. */
            by_rule: components["schemas"]["FeatureName"] | null;
            /**
             * Count
             * @description Positions at which it fires.
             */
            count: number;
            /** @description What all of this is of. */
            coverage: components["schemas"]["Coverage"];
            /**
             * Density
             * @description Share of positions at which it fires; 0 for one that never fires.
             */
            density: number;
            histogram: components["schemas"]["Histogram"];
            /**
             * Maximum
             * @description Largest activation.
             */
            maximum: number;
            /**
             * Mean
             * @description Mean of its activations where it fires.
             */
            mean: number;
            /** @description Null before the index is whole. */
            name: components["schemas"]["FeatureName"] | null;
            /** Neighbours */
            neighbours: components["schemas"]["Neighbour"][];
            /**
             * Note
             * @description What a person has written about it; empty where nobody has.
             */
            note: string;
            /**
             * Number
             * @description Row of the decoder.
             */
            number: number;
            /**
             * Promoted
             * @description Tokens whose logits it raises most.
             */
            promoted: components["schemas"]["TokenLogit"][];
            /**
             * Suppressed
             * @description Tokens whose logits it lowers most.
             */
            suppressed: components["schemas"]["TokenLogit"][];
            /**
             * Tags
             * @description The tags in whose spans it fires, by F1, best first, 50 at most.
             */
            tags: components["schemas"]["TagFigure"][];
            /**
             * Tokens
             * @description Tokens at which it fires with the largest summed activation, largest first.
             */
            tokens: components["schemas"]["TokenFigure"][];
        };
        /**
         * FeatureRow
         * @description A feature in a list. Activations are in scaled units (docs/metrics.md).
         */
        FeatureRow: {
            /**
             * Count
             * @description Positions at which it fires.
             */
            count: number;
            /**
             * Density
             * @description Share of positions at which it fires; 0 for one that never fires.
             */
            density: number;
            /**
             * Maximum
             * @description Largest activation.
             */
            maximum: number;
            /**
             * Mean
             * @description Mean of its activations where it fires.
             */
            mean: number;
            /** @description Null before the index is whole. */
            name: components["schemas"]["FeatureName"] | null;
            /**
             * Number
             * @description Row of the decoder.
             */
            number: number;
            /**
             * Tokens
             * @description Tokens at which it fires with the largest summed activation, largest first.
             */
            tokens: components["schemas"]["TokenFigure"][];
        };
        /**
         * Find
         * @description What to find features by: exactly one of `on`, `token`, `tag`, `text`, `like`, `at`, `vector`, `labelled`; or
         *     `where`, alone or beside one of them.
         */
        Find: {
            /**
             * At
             * @description A text at one token of which it should fire.
             */
            at?: string | null;
            /**
             * Labelled
             * @description Texts of two kinds that it should tell apart, 10 or more of each.
             */
            labelled?: components["schemas"]["LabelledText"][] | null;
            /**
             * Like
             * @description A text that means what its words mean; needs an embedding model, and the meanings made once.
             */
            like?: string | null;
            /**
             * Meant
             * @description What `vector` is: a direction, to be compared with what features write (where it is not given), or a raw
             *     activation, on which they fire.
             */
            meant?: ("direction" | "activation") | null;
            /**
             * N
             * @description Most candidates.
             * @default 10
             */
            n?: number;
            /**
             * Off
             * @description Texts that should not; beside `on` only.
             * @default []
             */
            off?: string[];
            /**
             * On
             * @description Texts that should fire it.
             */
            on?: string[] | null;
            /**
             * Position
             * @description Which token of `at`, from 0, or from the end; the last (-1) where it is not given.
             */
            position?: number | null;
            /**
             * Tag
             * @description A tag in whose spans it should fire.
             */
            tag?: string | null;
            /**
             * Text
             * @description Words of its name, the tokens that it fires on or promotes, or its tags; the last may be the beginning of one.
             */
            text?: string | null;
            /**
             * Token
             * @description A text that is one token (mind the blank before a word).
             */
            token?: string | null;
            /**
             * Vector
             * @description A vector as wide as the SAE's hook point.
             */
            vector?: number[] | null;
            /** @description What the index must have counted of it; beside another way only such features are found. */
            where?: components["schemas"]["Where"] | null;
        };
        /**
         * Firing
         * @description A feature at a token.
         */
        Firing: {
            /** Activation */
            activation: number;
            /** Number */
            number: number;
            /**
             * Share
             * @description Of its largest activation in the index; null where there is no index, or where it never fired there.
             */
            share: number | null;
        };
        /**
         * Firings
         * @description How often a feature fires how strongly.
         */
        Firings: {
            /**
             * All Tokens
             * @description How many tokens it fires at.
             */
            all_tokens: number;
            /**
             * Counts
             * @description Positions at which it fires in each tenth; the examples of the groups `interval` are drawn from them.
             */
            counts: number[];
            /** @description What was counted. */
            coverage: components["schemas"]["Coverage"];
            /**
             * Edges
             * @description Of the tenths of (0, maximum], one more than counts; the maximum is that of the stored activations, which differ
             *     from the exact ones by 1.7e-4 of their size at most.
             */
            edges: number[];
            /** Number */
            number: number;
            /** @description Null for a feature that never fires. */
            silent: components["schemas"]["SilentFigure"] | null;
            /**
             * Tokens
             * @description Those with the largest shares, largest first.
             */
            tokens: components["schemas"]["TokenMean"][];
        };
        /**
         * Found
         * @description Features that were found, best first.
         */
        Found: {
            /** Candidates */
            candidates: components["schemas"]["Candidate"][];
            /** @description Of labelled texts alone. */
            classifier: components["schemas"]["Classifier"] | null;
            /** @description What was searched. */
            coverage: components["schemas"]["Coverage"];
            /**
             * Together
             * @description Those that may share what was looked for, to steer with as a set; none for a search that says nothing of that.
             */
            together: components["schemas"]["Weighted"][];
        };
        /**
         * GroundTruthFigures
         * @description What was measured on held-out documents.
         */
        GroundTruthFigures: {
            /**
             * Concepts
             * @description Concepts that could be scored where no name of theirs stands near.
             */
            concepts: number;
            /**
             * Documents
             * @description Held-out documents.
             */
            documents: number;
            /**
             * Named
             * @description Whether names are marked in the text; if not, nothing counts as shown.
             */
            named: boolean;
            /**
             * Seen Often
             * @description Of the scored ones, those that stand in more of the training positions than one in as many as features live.
             */
            seen_often: number;
            /** @description Share of these that a feature shows; null where there are none. */
            seen_shown: components["schemas"]["Interval"] | null;
            /**
             * Shown
             * @description Of these, those that a feature shows: F1 of .6 or more, and more than the best token or pair of tokens has.
             */
            shown: number;
        };
        /**
         * GroundTruthRecord
         * @description Ground truth of an SAE.
         */
        GroundTruthRecord: {
            /**
             * Command
             * @description What to type to measure it.
             */
            command: string;
            /** @description Null where it was not measured of the SAE as it is now. */
            figures: components["schemas"]["GroundTruthFigures"] | null;
        };
        /**
         * Health
         * @description The server answers.
         */
        Health: {
            /**
             * Status
             * @default ok
             * @constant
             */
            status?: "ok";
            /**
             * Version
             * @description Version of monosema.
             */
            version: string;
        };
        /**
         * Healthy
         * @description The server answers.
         */
        Healthy: {
            /**
             * Status
             * @default healthy
             * @constant
             */
            status?: "healthy";
        };
        /**
         * Histogram
         * @description Positions by activation.
         */
        Histogram: {
            /** Counts */
            counts: number[];
            /**
             * Edges
             * @description Lower edge of each bin, and the upper edge of the last; the outer bins also take what lies outside.
             */
            edges: number[];
        };
        /**
         * IndexFacts
         * @description What an index covers.
         */
        IndexFacts: {
            /**
             * Expected
             * @description Positions that there will be in the end.
             */
            expected: number;
            /**
             * Finished
             * @description False while it is being made: then nothing is told yet of names, promoted tokens and neighbours, the rest is of
             *     the positions so far, and all of it changes.
             */
            finished: boolean;
            /**
             * Positions
             * @description Positions that were encoded.
             */
            positions: number;
            /**
             * Tags
             * @description Tags (concepts) that stand in its text.
             */
            tags: number;
        };
        /**
         * Interval
         * @description A number with its 95% interval over documents.
         */
        Interval: {
            /** High */
            high: number | null;
            /**
             * Low
             * @description Null where there is no interval.
             */
            low: number | null;
            /**
             * Value
             * @description Null where it is not defined.
             */
            value: number | null;
        };
        /**
         * LabelledText
         * @description A text of one of two kinds.
         */
        LabelledText: {
            /**
             * Label
             * @enum {integer}
             */
            label: 0 | 1;
            /** Text */
            text: string;
        };
        /**
         * Link
         * @description Lets one more browser in.
         */
        Link: {
            /**
             * Path
             * @description To be opened once, below the address of this server.
             */
            path: string;
        };
        /**
         * LogEntry
         * @description What was done, and what it cost.
         */
        LogEntry: {
            /**
             * Made
             * @description What it made, as kind/name.
             */
            made: string | null;
            /** Seconds */
            seconds: number | null;
            /**
             * Time
             * @description UTC.
             */
            time: string;
            /** Verb */
            verb: string;
        };
        /**
         * MapFigures
         * @description What a map is worth, beside chance.
         */
        MapFigures: {
            /**
             * Chance
             * @description Cosine that 1 feature in 100 reaches with the best of as many random directions; clusters are made above it.
             */
            chance: number;
            /**
             * Clustered Share
             * @description Share of all features that are in a cluster.
             */
            clustered_share: number;
            /** Clusters */
            clusters: number;
            /**
             * Kept
             * @description Share of each feature's 10 nearest that are among its 10 nearest on the map.
             */
            kept: number;
            /**
             * Kept Wide
             * @description Share of them that are among its 30 nearest on the map.
             */
            kept_wide: number;
            /**
             * Largest Cluster
             * @description Features of the largest.
             */
            largest_cluster: number;
            /**
             * Random
             * @description What `kept` would be on a map of random places.
             */
            random: number;
            /**
             * Random Wide
             * @description What `kept_wide` would be there.
             */
            random_wide: number;
        };
        /**
         * MapList
         * @description The maps that were made.
         */
        MapList: {
            /** Maps */
            maps: components["schemas"]["MapSummary"][];
        };
        /**
         * MappedSAE
         * @description An SAE of a map.
         */
        MappedSAE: {
            /**
             * Features
             * @description How many there are.
             */
            features: number;
            /** Name */
            name: string;
            /**
             * Start
             * @description Its first point; its features follow by their numbers.
             */
            start: number;
        };
        /**
         * MapRecord
         * @description Every feature as a point: those of the first SAE by number, then those of the next. Columns are equally long.
         */
        MapRecord: {
            /**
             * Cluster
             * @description Number of its cluster, 0 the largest; null where it has none.
             */
            cluster: (number | null)[];
            /**
             * Density
             * @description Share of positions at which it fires; null where its SAE has no finished index.
             */
            density: (number | null)[];
            figures: components["schemas"]["MapFigures"];
            /** Name */
            name: string;
            /** Saes */
            saes: components["schemas"]["MappedSAE"][];
            /**
             * Version
             * @description Changes whenever the map or an index behind its densities is remade.
             */
            version: string;
            /**
             * X
             * @description Null, like y, for a feature without a direction.
             */
            x: (number | null)[];
            /** Y */
            y: (number | null)[];
        };
        /**
         * MapSummary
         * @description A map in the list.
         */
        MapSummary: {
            /**
             * Name
             * @description Names of its SAEs, smallest first, joined by +.
             */
            name: string;
            /** Saes */
            saes: string[];
            /**
             * State
             * @enum {string}
             */
            state: "made" | "stale" | "unfinished" | "absent";
            /**
             * Version
             * @description As in its record: changes whenever the map or an index behind its densities is remade.
             */
            version: string;
        };
        /**
         * ModelEntry
         * @description What can be named as `model`.
         */
        ModelEntry: {
            /**
             * Created
             * @description 0: unknown.
             * @default 0
             */
            created?: number;
            /**
             * Id
             * @description `STUDY` or `STUDY/SAE`.
             */
            id: string;
            /**
             * Object
             * @default model
             * @constant
             */
            object?: "model";
            /**
             * Owned By
             * @description Name of the language model, as study.toml gives it.
             */
            owned_by: string;
        };
        /**
         * ModelList
         * @description Everything that can be named as `model`.
         */
        ModelList: {
            /** Data */
            data: components["schemas"]["ModelEntry"][];
            /**
             * Object
             * @default list
             * @constant
             */
            object?: "list";
        };
        /**
         * ModelSource
         * @description A language model that a study names.
         */
        ModelSource: {
            /**
             * D Model
             * @description Width of its residual stream; null, too.
             */
            d_model: number | null;
            /**
             * Layers
             * @description How many layers it has; null before it was looked at for the first time (its plan).
             */
            layers: number | null;
            /**
             * Name
             * @description Its name in study.toml.
             */
            name: string;
            /**
             * Source
             * @description Hub id, folder or file.
             */
            source: string;
        };
        /**
         * NamedFigure
         * @description A figure of the evaluation; docs/metrics.md defines it.
         */
        NamedFigure: {
            /**
             * Baselines
             * @description Those that have this figure.
             */
            baselines: components["schemas"]["BaselineFigure"][];
            figure: components["schemas"]["Interval"];
            /**
             * Key
             * @description For programs.
             */
            key: string;
            /**
             * Name
             * @description For people.
             */
            name: string;
        };
        /**
         * Neighbour
         * @description A feature with a similar direction.
         */
        Neighbour: {
            /**
             * Cosine
             * @description Of the two decoder rows.
             */
            cosine: number;
            name: components["schemas"]["FeatureName"] | null;
            /** Number */
            number: number;
        };
        /**
         * NeighboursElsewhere
         * @description The features of the study's other SAEs that are nearest to a feature.
         */
        NeighboursElsewhere: {
            /** Number */
            number: number;
            /**
             * Saes
             * @description SAEs of the same model that write at the same hook point, or both into the residual stream.
             */
            saes: components["schemas"]["Elsewhere"][];
        };
        /**
         * Neuron
         * @description A neuron that is like a feature.
         */
        Neuron: {
            /** Layer */
            layer: number;
            /** Number */
            number: number;
            /**
             * R
             * @description Correlation of its activation with the feature's.
             */
            r: number;
        };
        /**
         * NextAsked
         * @description A text or a chat, a position of it, and what to edit.
         */
        NextAsked: {
            /**
             * Messages
             * @description A chat, in the place of `text`: up to where the assistant is to answer.
             */
            messages?: components["schemas"]["Turn"][] | null;
            /**
             * Position
             * @description Token after which is asked, from 0, or from the end.
             * @default -1
             */
            position?: number;
            /**
             * Steering
             * @description What to edit; edits act up to the position, and their `answer` is the position itself.
             * @default []
             */
            steering?: components["schemas"]["Steer"][];
            /**
             * Text
             * @description Plain text; special tokens that are spelled out in it stay text.
             */
            text?: string | null;
            /**
             * Tokens
             * @description Tokens that are told in any case, by their numbers.
             * @default []
             */
            tokens?: number[];
            /**
             * Top
             * @description How many of the likeliest tokens are told, of the plain and of the edited model.
             * @default 10
             */
            top?: number;
        };
        /**
         * NextRecord
         * @description What comes next.
         */
        NextRecord: {
            /**
             * Chances
             * @description The likeliest tokens of either model and those asked for, the likeliest of the plain model first.
             */
            chances: components["schemas"]["Chance"][];
            /**
             * Position
             * @description The token after which was asked, from 0.
             */
            position: number;
            /**
             * Text
             * @description Its text.
             */
            text: string;
        };
        /**
         * NoteBody
         * @description What a person says of a feature; it takes the place of what was said before. Empty texts take that away.
         */
        NoteBody: {
            /**
             * Name
             * @description One line.
             */
            name: string;
            /** Text */
            text: string;
        };
        /**
         * NoteRecord
         * @description What is kept.
         */
        NoteRecord: {
            /** Name */
            name: string;
            /** Text */
            text: string;
            /**
             * Version
             * @description Version of the SAE from now on.
             */
            version: string;
        };
        /**
         * OpenAIErrorBody
         * @description The body of every answer of these routes that is no success.
         */
        OpenAIErrorBody: {
            error: components["schemas"]["OpenAIProblem"];
        };
        /**
         * OpenAIProblem
         * @description What went wrong, in OpenAI's shape.
         */
        OpenAIProblem: {
            /**
             * Code
             * @description Our own type of error.
             */
            code: string;
            /**
             * Message
             * @description One line, with what to do where that is known.
             */
            message: string;
            /**
             * Param
             * @description Field of the request.
             */
            param: string | null;
            /**
             * Type
             * @enum {string}
             */
            type: "invalid_request_error" | "rate_limit_error" | "server_error";
        };
        /**
         * Problem
         * @description What went wrong.
         */
        Problem: {
            /**
             * Advice
             * @description What to do, where that is known.
             */
            advice?: string | null;
            /**
             * Message
             * @description One line for people: what, with the value seen, and what was expected.
             */
            message: string;
            /**
             * Type
             * @description For programs; each has one status.
             * @enum {string}
             */
            type: "invalid" | "unauthorized" | "forbidden" | "not_found" | "not_allowed" | "not_ready" | "changed" | "refused" | "too_large" | "damaged" | "failed" | "busy" | "late" | "gone" | "internal";
        };
        /**
         * Prompt
         * @description A text or a chat, and what to tell of it.
         */
        Prompt: {
            /**
             * Features
             * @description Features whose activation is told at every token.
             * @default []
             */
            features?: number[];
            /**
             * Messages
             * @description A chat, in the place of `text`: up to where the assistant is to answer.
             */
            messages?: components["schemas"]["Turn"][] | null;
            /**
             * Text
             * @description Plain text; special tokens that are spelled out in it stay text.
             */
            text?: string | null;
            /**
             * Top
             * @description How many of its strongest features are told at each token.
             * @default 5
             */
            top?: number;
        };
        /**
         * PromptRecord
         * @description A prompt as an SAE sees it.
         */
        PromptRecord: {
            /**
             * Features
             * @description The features whose `values` each token has.
             */
            features: number[];
            /**
             * Tokens
             * @description End to end their texts are the prompt as the model has it.
             */
            tokens: components["schemas"]["PromptToken"][];
        };
        /**
         * PromptToken
         * @description A token of a prompt.
         */
        PromptToken: {
            /**
             * Fires
             * @description How many features fire here.
             */
            fires: number;
            /**
             * Left Out
             * @description Why nothing is told of it: a special token, or a position with a norm far above the median.
             */
            left_out: ("special" | "massive") | null;
            /**
             * Strongest
             * @description Features with the largest activations here, largest first.
             */
            strongest: components["schemas"]["Firing"][];
            /** Text */
            text: string;
            /**
             * Token
             * @description Its number in the vocabulary.
             */
            token: number;
            /**
             * Values
             * @description Activation of each feature that was asked for.
             */
            values: number[];
        };
        /**
         * RelationFigures
         * @description How like neurons and coordinates all features of the subset are.
         */
        RelationFigures: {
            /**
             * Coordinate R
             * @description Median of |r| with the best coordinate.
             */
            coordinate_r: number;
            /**
             * Coordinate R By Chance
             * @description The same with activations at random positions.
             */
            coordinate_r_by_chance: number;
            /**
             * Features
             * @description Features that were measured: a random subset of those that fire.
             */
            features: number;
            /**
             * Low
             * @description |r| up to which a feature and a neuron are called unlike each other.
             */
            low: number;
            /** @description Share of features whose best coordinate is unlike them. */
            low_coordinate_share: components["schemas"]["Interval"];
            /** @description Share of features whose best neuron is unlike them. */
            low_neuron_share: components["schemas"]["Interval"];
            /**
             * Neuron R
             * @description Median of |r| with the best neuron.
             */
            neuron_r: number;
            /**
             * Neuron R By Chance
             * @description The same with activations at random positions.
             */
            neuron_r_by_chance: number;
            /**
             * Positions
             * @description Positions that neurons were correlated over.
             */
            positions: number;
        };
        /**
         * Relations
         * @description What fires together with a feature, and what is like it in the model.
         */
        Relations: {
            /**
             * Coactive
             * @description By phi, largest first; features that fire together fewer than 5 times are left out.
             */
            coactive: components["schemas"]["Coactive"][];
            /**
             * Coordinates
             * @description By |r|, largest first.
             */
            coordinates: components["schemas"]["Coordinate"][];
            figures: components["schemas"]["RelationFigures"];
            /**
             * Neurons
             * @description Of all layers before it, by |r|, largest first.
             */
            neurons: components["schemas"]["Neuron"][];
            /** Number */
            number: number;
        };
        /**
         * Run
         * @description A training run of one SAE.
         */
        Run: {
            /**
             * Curve
             * @description At most 500 steps, evenly chosen, the last one among them; none of an SAE that was given, not trained.
             */
            curve: components["schemas"]["CurvePoint"][];
            /**
             * Expected
             * @description Positions that there will be; null where that is not decided yet.
             */
            expected: number | null;
            /**
             * Positions
             * @description Positions seen, as of the last checkpoint.
             */
            positions: number;
            /** Sae */
            sae: string;
            /**
             * State
             * @description How `sae/NAME` stands; `unfinished` where what is shown is being made, or was stopped.
             * @enum {string}
             */
            state: "made" | "stale" | "unfinished" | "absent";
        };
        /**
         * RunList
         * @description The runs of a study.
         */
        RunList: {
            /** Runs */
            runs: components["schemas"]["Run"][];
        };
        /**
         * SAEList
         * @description The SAEs of a study.
         */
        SAEList: {
            /** Saes */
            saes: components["schemas"]["SAESummary"][];
        };
        /**
         * SAERecord
         * @description An SAE: what was asked of it and what was measured.
         */
        SAERecord: {
            /**
             * D Sae
             * @description Number of features.
             */
            d_sae: number;
            /** @description Null where it was not evaluated, or trained again since. */
            evaluation: components["schemas"]["EvaluationRecord"] | null;
            /** Hook */
            hook: string;
            /** @description Null where no part of its index was made. */
            index: components["schemas"]["IndexFacts"] | null;
            /** Kind */
            kind: string;
            /**
             * Meanings
             * @description Whether features can be found by `like`, where the embedding model is installed.
             * @enum {string}
             */
            meanings: "made" | "stale" | "unfinished" | "absent";
            /**
             * Measured
             * @description Figures of its training.
             */
            measured: components["schemas"]["Setting"][];
            /**
             * Model
             * @description Name of the model in study.toml.
             */
            model: string;
            /** Name */
            name: string;
            /**
             * Relations
             * @description Whether `relations` of features can be asked for.
             * @enum {string}
             */
            relations: "made" | "stale" | "unfinished" | "absent";
            /**
             * Settings
             * @description All that decides its content.
             */
            settings: components["schemas"]["Setting"][];
            /** Study */
            study: string;
            /**
             * Version
             * @description Changes whenever the SAE or what was made of it is remade, and as an unfinished index grows.
             */
            version: string;
        };
        /**
         * SAESummary
         * @description An SAE in the list.
         */
        SAESummary: {
            /**
             * Corpus
             * @description Name of its text in study.toml.
             */
            corpus: string;
            /**
             * D Sae
             * @description Number of features; null where it was not trained and study.toml leaves it open.
             */
            d_sae: number | null;
            /**
             * Evaluation
             * @enum {string}
             */
            evaluation: "made" | "stale" | "unfinished" | "absent";
            /**
             * Hook
             * @description Hook point that it reads and writes.
             */
            hook: string;
            /**
             * Index
             * @enum {string}
             */
            index: "made" | "stale" | "unfinished" | "absent";
            /**
             * Kind
             * @description Kind of SAE, such as topk.
             */
            kind: string;
            /**
             * Model
             * @description Name of its model in study.toml.
             */
            model: string;
            /**
             * Name
             * @description Its name in study.toml.
             */
            name: string;
            /**
             * Sae
             * @enum {string}
             */
            sae: "made" | "stale" | "unfinished" | "absent";
            /**
             * Version
             * @description Changes whenever the SAE or what was made of it is remade, and as an unfinished index grows.
             */
            version: string;
        };
        /**
         * ServedSources
         * @description A study.
         */
        ServedSources: {
            /** Model */
            model: string;
            /** Sources */
            sources: string[];
        };
        /**
         * Setting
         * @description One setting of an SAE; which there are depends on its kind.
         */
        Setting: {
            /** Name */
            name: string;
            /** Value */
            value: string | number | boolean | null;
        };
        /**
         * SilentFigure
         * @description A token at which a feature often fires, and where it does not.
         */
        SilentFigure: {
            /**
             * Positions
             * @description Positions of this token at which the feature is silent; examples of the group `silent` are drawn from them.
             */
            positions: number;
            /** Text */
            text: string;
            /**
             * Token
             * @description The first of its `tokens`.
             */
            token: number;
        };
        /**
         * SingleBatchRequest
         * @description The same for several prompts.
         */
        SingleBatchRequest: {
            /** Hook */
            hook?: string | null;
            /** Index */
            index?: string | number | null;
            /** Model */
            model: string;
            /** Prompts */
            prompts: string[];
            /** Source */
            source?: string | null;
            /** Vector */
            vector?: number[] | null;
        };
        /**
         * SingleBatchResponse
         * @description One for each prompt.
         */
        SingleBatchResponse: {
            /** Results */
            results: components["schemas"]["SingleResponse"][];
        };
        /**
         * SingleRequest
         * @description Activations at each token of a prompt.
         */
        SingleRequest: {
            /** Hook */
            hook?: string | null;
            /** Index */
            index?: string | number | null;
            /** Model */
            model: string;
            /** Prompt */
            prompt: string;
            /** Source */
            source?: string | null;
            /** Vector */
            vector?: number[] | null;
        };
        /**
         * SingleResponse
         * @description Activations and tokens of a prompt.
         */
        SingleResponse: {
            activation: components["schemas"]["ActivationValues"];
            /** Tokens */
            tokens: string[];
            /** Tokensisspecial */
            tokensIsSpecial: boolean[];
        };
        /**
         * SourceRequest
         * @description All activations of an SAE in a few prompts.
         */
        SourceRequest: {
            /** Model */
            model: string;
            /** Prompts */
            prompts: string[];
            /** Source */
            source: string;
        };
        /**
         * SourceResponse
         * @description One for each prompt.
         */
        SourceResponse: {
            /** Results */
            results: components["schemas"]["SourceResult"][];
        };
        /**
         * SourceResult
         * @description One prompt.
         */
        SourceResult: {
            activeFeatures: components["schemas"]["ActiveFeatures"];
            /** Tokens */
            tokens: string[];
        };
        /**
         * StageWork
         * @description A stage that is being made, or was stopped.
         */
        StageWork: {
            /**
             * Done
             * @description Null where it is not known.
             */
            done: number | null;
            /** Kind */
            kind: string;
            /** Name */
            name: string;
            /**
             * Running
             * @description Whether a writer is at work on the study; which of its unfinished stages it makes is not known.
             */
            running: boolean;
            /** Total */
            total: number | null;
            /**
             * Unit
             * @default positions
             * @constant
             */
            unit?: "positions";
        };
        /**
         * Steer
         * @description One thing to steer by: a feature, or a concept at the dose that was found for it.
         */
        Steer: {
            /**
             * Concept
             * @description A concept whose dose `monosema dose` has stored, in the place of `feature`.
             */
            concept?: string | null;
            /**
             * Feature
             * @description Number of a feature.
             */
            feature?: number | null;
            /**
             * Operation
             * @description Put the feature at a value, lift it to at least that, add it, or multiply by it.
             * @default clamp
             * @enum {string}
             */
            operation?: "clamp" | "raise" | "add" | "scale";
            /**
             * Positions
             * @description Where: everywhere, in the prompt only, from the position on that predicts the first new token, or everywhere
             *     with a third of the value once the prompt is read.
             * @default all
             * @enum {string}
             */
            positions?: "all" | "prompt" | "answer" | "fading";
            /**
             * Raw
             * @description Whether `value` is an activation, no multiple.
             * @default false
             */
            raw?: boolean;
            /**
             * Sae
             * @description SAE that the feature or the dose is of; that of the model's id where it is not given.
             */
            sae?: string | null;
            /**
             * Value
             * @description A multiple of the feature's largest activation in the index (of the dose for a concept; a factor for `scale`);
             *     2 where it is not given, 1 for a concept.
             */
            value?: number | null;
        };
        /**
         * SteerChatInput
         * @description A chat as messages and as the model has it.
         */
        SteerChatInput: {
            /** Chattemplate */
            chatTemplate: components["schemas"]["SteerMessage"][];
            /** Raw */
            raw: string;
        };
        /**
         * SteerChatRequest
         * @description A chat to go on with.
         */
        SteerChatRequest: {
            /**
             * Failifbusy
             * @description Taken and not used: a full queue answers 429 in any case.
             * @default false
             */
            failIfBusy?: boolean;
            /** Features */
            features: components["schemas"]["SteerFeature"][];
            /** Freqpenalty */
            freqPenalty: number;
            /** Model */
            model: string;
            /** Ncompletiontokens */
            nCompletionTokens: number;
            /**
             * Nlogprobs
             * @default 0
             */
            nLogprobs?: number | null;
            /**
             * Normalizesteering
             * @description Whether decoder rows have norm 1 before they are added.
             */
            normalizeSteering: boolean;
            /** Prompt */
            prompt: components["schemas"]["SteerMessage"][];
            /** Seed */
            seed: number;
            /**
             * Steermethod
             * @constant
             */
            steerMethod: "SIMPLE_ADDITIVE";
            /**
             * Steerspecialtokens
             * @description Whether the special tokens of the prompt are steered, too.
             */
            steerSpecialTokens: boolean;
            /**
             * Stream
             * @default false
             */
            stream?: boolean | null;
            /** Strengthmultiplier */
            strengthMultiplier: number;
            /** Temperature */
            temperature: number;
            /** Types */
            types: ("STEERED" | "DEFAULT")[];
        };
        /**
         * SteerChatResponse
         * @description One for each type, in the order asked for.
         */
        SteerChatResponse: {
            input: components["schemas"]["SteerChatInput"];
            /** Outputs */
            outputs: components["schemas"]["SteerChatResult"][];
        };
        /**
         * SteerChatResult
         * @description A chat with its answer, so far.
         */
        SteerChatResult: {
            /** Chattemplate */
            chatTemplate: components["schemas"]["SteerMessage"][];
            /** Raw */
            raw: string;
            /**
             * Type
             * @enum {string}
             */
            type: "STEERED" | "DEFAULT";
        };
        /**
         * SteerFeature
         * @description A feature to steer by: strength times its decoder row is added at every position.
         */
        SteerFeature: {
            /** Index */
            index: number;
            /** Model */
            model: string;
            /** Source */
            source: string;
            /** Strength */
            strength: number;
        };
        /**
         * SteerMessage
         * @description One message of a chat.
         */
        SteerMessage: {
            /** Content */
            content: string;
            /** Role */
            role: string;
        };
        /**
         * SteerOutput
         * @description What was written: the prompt and how it goes on, so far.
         */
        SteerOutput: {
            /** Output */
            output: string;
            /**
             * Type
             * @enum {string}
             */
            type: "STEERED" | "DEFAULT";
        };
        /**
         * SteerRequest
         * @description A text to go on with.
         */
        SteerRequest: {
            /**
             * Failifbusy
             * @description Taken and not used: a full queue answers 429 in any case.
             * @default false
             */
            failIfBusy?: boolean;
            /** Features */
            features: components["schemas"]["SteerFeature"][];
            /** Freqpenalty */
            freqPenalty: number;
            /** Model */
            model: string;
            /** Ncompletiontokens */
            nCompletionTokens: number;
            /**
             * Nlogprobs
             * @default 0
             */
            nLogprobs?: number | null;
            /**
             * Normalizesteering
             * @description Whether decoder rows have norm 1 before they are added.
             */
            normalizeSteering: boolean;
            /** Prompt */
            prompt: string;
            /** Seed */
            seed: number;
            /**
             * Steermethod
             * @constant
             */
            steerMethod: "SIMPLE_ADDITIVE";
            /**
             * Stream
             * @default false
             */
            stream?: boolean | null;
            /** Strengthmultiplier */
            strengthMultiplier: number;
            /** Temperature */
            temperature: number;
            /** Types */
            types: ("STEERED" | "DEFAULT")[];
        };
        /**
         * SteerResponse
         * @description One for each type, in the order asked for.
         */
        SteerResponse: {
            /** Outputs */
            outputs: components["schemas"]["SteerOutput"][];
        };
        /**
         * StreamOptions
         * @description How to stream.
         */
        StreamOptions: {
            /**
             * Include Usage
             * @description Whether a last piece tells the usage.
             * @default false
             */
            include_usage?: boolean;
        };
        /**
         * StudyList
         * @description All studies that are served.
         */
        StudyList: {
            /** Studies */
            studies: components["schemas"]["StudySummary"][];
        };
        /**
         * StudyRecord
         * @description What a study asks and what of it was made.
         */
        StudyRecord: {
            /**
             * Artifacts
             * @description In the order in which they are made.
             */
            artifacts: components["schemas"]["ArtifactState"][];
            /** Corpora */
            corpora: components["schemas"]["CorpusSource"][];
            /**
             * Minutes
             * @description Time budget that tokens and features are fitted to, where it has one.
             */
            minutes: number | null;
            /** Models */
            models: components["schemas"]["ModelSource"][];
            /**
             * Name
             * @description Name of its folder.
             */
            name: string;
            /**
             * Saes
             * @description Names of its SAEs.
             */
            saes: string[];
            /**
             * Seed
             * @description Seed of all its generators.
             */
            seed: number;
            /** @description Who writes the study now. */
            writer: components["schemas"]["Writer"] | null;
        };
        /**
         * StudySummary
         * @description A study in the list.
         */
        StudySummary: {
            /**
             * Error
             * @description What is wrong with its study.toml; then nothing else of it is told.
             */
            error: string | null;
            /**
             * Name
             * @description Name of its folder.
             */
            name: string;
            /**
             * Saes
             * @description Names of its SAEs.
             */
            saes: string[];
            /** @description Who writes it now. */
            writer: components["schemas"]["Writer"] | null;
        };
        /**
         * TagFigure
         * @description How a feature answers to the spans of a tag.
         */
        TagFigure: {
            /**
             * Count
             * @description Of these, where the feature fires.
             */
            count: number;
            /**
             * F1
             * @description Of "the position is inside": how well firing tells it.
             */
            f1: number;
            /**
             * Mean
             * @description Mean activation over all of them.
             */
            mean: number;
            /**
             * Positions
             * @description Positions inside its spans.
             */
            positions: number;
            /**
             * Precision
             * @description Share of the feature's firings that are inside.
             */
            precision: number;
            /**
             * Recall
             * @description Share of positions inside at which it fires.
             */
            recall: number;
            /** Tag */
            tag: string;
        };
        /**
         * TextChoice
         * @description An answer, or a piece of one.
         */
        TextChoice: {
            /**
             * Features
             * @description Of the tokens that the model has read by now, each told once; where they were asked for.
             */
            features?: components["schemas"]["TokenFeatures"][] | null;
            /**
             * Finish Reason
             * @description `stop`: the model or a stop text ended it; null while there is more.
             */
            finish_reason: ("stop" | "length") | null;
            /**
             * Index
             * @default 0
             */
            index?: number;
            /** Logprobs */
            logprobs?: null;
            /** Text */
            text: string;
        };
        /**
         * TextPart
         * @description A piece of a message.
         */
        TextPart: {
            /** Text */
            text: string;
            /**
             * Type
             * @constant
             */
            type: "text";
        };
        /**
         * TokenFeatures
         * @description The strongest features at a token of the answer.
         */
        TokenFeatures: {
            /**
             * Index
             * @description Which token of the answer, from 0.
             */
            index: number;
            /**
             * Strongest
             * @description Largest activation first, after the edits; none at special tokens and massive positions.
             */
            strongest: components["schemas"]["Firing"][];
            /**
             * Text
             * @description Its text.
             */
            text: string;
            /**
             * Token
             * @description Its number in the vocabulary.
             */
            token: number;
        };
        /**
         * TokenFigure
         * @description A token at which a feature fires.
         */
        TokenFigure: {
            /**
             * Count
             * @description Positions of this token at which the feature fires.
             */
            count: number;
            /**
             * Share
             * @description Share of the feature's summed activation that is at this token.
             */
            share: number;
            /** Text */
            text: string;
            /**
             * Token
             * @description Its number in the vocabulary.
             */
            token: number;
        };
        /**
         * TokenizeRequest
         * @description A text to cut into tokens.
         */
        TokenizeRequest: {
            /** Model */
            model: string;
            /**
             * Prependbos
             * @description Force the beginning-of-text token on or off; not given: as all routes here have it.
             */
            prependBos?: boolean | null;
            /** Text */
            text: string;
        };
        /**
         * TokenizeResponse
         * @description Tokens of a text.
         */
        TokenizeResponse: {
            /** Prependbos */
            prependBos: boolean;
            /** Tokens */
            tokens: number[];
            /** Tokenstrings */
            tokenStrings: string[];
        };
        /**
         * TokenLogit
         * @description A token whose logit a feature's direction changes.
         */
        TokenLogit: {
            /**
             * Logit
             * @description Change of the logit by an activation of 1, before the final normalisation.
             */
            logit: number;
            /** Text */
            text: string;
        };
        /**
         * TokenMean
         * @description How a feature answers to one token.
         */
        TokenMean: {
            /**
             * Count
             * @description Positions of the token at which the feature fires.
             */
            count: number;
            /**
             * Mean
             * @description Mean activation over all of them, those where it is silent among them.
             */
            mean: number;
            /**
             * Positions
             * @description All positions of the token.
             */
            positions: number;
            /**
             * Share
             * @description Share of the feature's summed activation that is at this token.
             */
            share: number;
            /** Text */
            text: string;
            /** Token */
            token: number;
        };
        /**
         * TopKBatchRequest
         * @description The same for several prompts.
         */
        TopKBatchRequest: {
            /**
             * Ignorebos
             * @description Leave out the first token where it is the beginning-of-text token.
             */
            ignoreBos: boolean;
            /** Model */
            model: string;
            /** Prompts */
            prompts: string[];
            /** Source */
            source: string;
            /**
             * Topk
             * @default 5
             */
            topK?: number | null;
        };
        /**
         * TopKBatchResponse
         * @description One for each prompt.
         */
        TopKBatchResponse: {
            /** Results */
            results: components["schemas"]["TopKResponse"][];
        };
        /**
         * TopKFeature
         * @description A feature at a token.
         */
        TopKFeature: {
            /** Activationvalue */
            activationValue: number;
            /** Featureindex */
            featureIndex: number;
        };
        /**
         * TopKRequest
         * @description The strongest features at each token of a prompt.
         */
        TopKRequest: {
            /**
             * Ignorebos
             * @description Leave out the first token where it is the beginning-of-text token.
             */
            ignoreBos: boolean;
            /** Model */
            model: string;
            /** Prompt */
            prompt: string;
            /** Source */
            source: string;
            /**
             * Topk
             * @default 5
             */
            topK?: number | null;
        };
        /**
         * TopKResponse
         * @description All tokens.
         */
        TopKResponse: {
            /** Results */
            results: components["schemas"]["TopKToken"][];
            /** Tokens */
            tokens: string[];
        };
        /**
         * TopKToken
         * @description A token of the prompt.
         */
        TopKToken: {
            /** Isspecial */
            isSpecial: boolean;
            /** Token */
            token: string;
            /** Tokenposition */
            tokenPosition: number;
            /**
             * Topfeatures
             * @description Those that fire: fewer than asked for, or none.
             */
            topFeatures: components["schemas"]["TopKFeature"][];
        };
        /**
         * Turn
         * @description One message of a chat.
         */
        Turn: {
            /** Content */
            content: string;
            /**
             * Role
             * @description As the model's chat template names it, such as user.
             */
            role: string;
        };
        /**
         * Usage
         * @description Tokens that were read and written.
         */
        Usage: {
            /** Completion Tokens */
            completion_tokens: number;
            /** Prompt Tokens */
            prompt_tokens: number;
            /** Total Tokens */
            total_tokens: number;
        };
        /**
         * VectorResponse
         * @description A feature's direction.
         */
        VectorResponse: {
            /** Hookname */
            hookName: string;
            /** Vector */
            vector: number[];
        };
        /**
         * Weighted
         * @description A feature of a set.
         */
        Weighted: {
            /** Number */
            number: number;
            /**
             * Weight
             * @description Its score as a share of the best one's.
             */
            weight: number;
        };
        /**
         * Where
         * @description What the index must have counted of a feature. Every condition that is given must hold.
         */
        Where: {
            /**
             * Dead
             * @description Whether it never fires in the index.
             */
            dead?: boolean | null;
            /** @description Share of positions at which it fires. */
            density?: components["schemas"]["Bounds"] | null;
            /**
             * Interval
             * @description A tenth of (0, maximum], 0 the weakest, in which it fires at least once.
             */
            interval?: number | null;
            /** @description Its largest activation. */
            maximum?: components["schemas"]["Bounds"] | null;
            /** @description Mean of its activations where it fires. */
            mean?: components["schemas"]["Bounds"] | null;
            /**
             * Tag
             * @description Tag whose spans hold at least half of its firings.
             */
            tag?: string | null;
            /**
             * Top Token
             * @description Number of the token that holds most of its summed activation.
             */
            top_token?: number | null;
        };
        /**
         * WorkRecord
         * @description How work on a study stands.
         */
        WorkRecord: {
            /**
             * Log
             * @description The last 50 entries of its log, the newest last.
             */
            log: components["schemas"]["LogEntry"][];
            /**
             * Stages
             * @description Those that are not finished.
             */
            stages: components["schemas"]["StageWork"][];
            /** @description Who writes it now. */
            writer: components["schemas"]["Writer"] | null;
        };
        /**
         * Writer
         * @description A process that makes something of a study.
         */
        Writer: {
            /**
             * Since
             * @description When it began, UTC.
             */
            since: string;
            /**
             * Verb
             * @description Verb of the command line.
             */
            verb: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    make_link: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Link"];
                };
            };
        };
    };
    list_studies: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StudyList"];
                };
            };
        };
    };
    get_study: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StudyRecord"];
                };
            };
        };
    };
    list_maps: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MapList"];
                };
            };
        };
    };
    get_map: {
        parameters: {
            query?: {
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Name of an SAE, or names of several of one hook point, joined by +. */
                map: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MapRecord"];
                    "application/vnd.apache.arrow.stream": string;
                };
            };
        };
    };
    get_across: {
        parameters: {
            query?: {
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Name of an SAE, or names of several of one hook point, joined by +. */
                map: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AcrossRecord"];
                    "application/vnd.apache.arrow.stream": string;
                };
            };
        };
    };
    get_clusters: {
        parameters: {
            query?: {
                /** @description Most features of each. */
                central?: number;
                /** @description Number of the first; 0 is the largest. */
                first?: number;
                /** @description Most clusters. */
                limit?: number;
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Name of an SAE, or names of several of one hook point, joined by +. */
                map: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Clusters"];
                };
            };
        };
    };
    list_runs: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunList"];
                };
            };
        };
    };
    list_saes: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SAEList"];
                };
            };
        };
    };
    get_sae: {
        parameters: {
            query?: {
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SAERecord"];
                };
            };
        };
    };
    list_beginnings: {
        parameters: {
            query?: {
                /** @description Most features. */
                limit?: number;
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Beginnings"];
                };
            };
        };
    };
    get_cards: {
        parameters: {
            query: {
                /** @description Their numbers, joined by commas, 200 at most. */
                numbers: string;
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FeatureCards"];
                };
            };
        };
    };
    list_concepts: {
        parameters: {
            query?: {
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Concepts"];
                };
            };
        };
    };
    get_distribution: {
        parameters: {
            query?: {
                bins?: number;
                /** @description Whether the bins are equally wide, or as ratios. */
                scale?: "log" | "linear";
                statistic?: "density" | "count" | "mean" | "maximum";
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Distribution"];
                };
            };
        };
    };
    list_doses: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DoseList"];
                };
            };
        };
    };
    get_dose: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                concept: string;
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DoseRecord"];
                };
            };
        };
    };
    list_features: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string | null;
                /** @description Only those that never fire in the index, or only the others. */
                dead?: boolean | null;
                /** @description Features of a page. */
                limit?: number;
                max_count?: number | null;
                max_density?: number | null;
                max_maximum?: number | null;
                max_mean?: number | null;
                /** @description Least number of positions at which it fires. */
                min_count?: number | null;
                /** @description Least share of positions at which it fires. */
                min_density?: number | null;
                /** @description Least largest activation. */
                min_maximum?: number | null;
                /** @description Least mean activation where it fires. */
                min_mean?: number | null;
                order?: "up" | "down";
                /** @description Only those with a token in their `tokens` whose text this regular expression (RE2) matches somewhere. */
                q?: string | null;
                /** @description What to sort by; `f1` needs `tag`. Of equals the smaller number comes first. */
                sort?: "number" | "density" | "count" | "mean" | "maximum" | "f1";
                /** @description Only those that fire inside the spans of this tag. */
                tag?: string | null;
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FeaturePage"];
                };
            };
        };
    };
    get_feature: {
        parameters: {
            query?: {
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Number of a feature. */
                number: number;
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FeatureRecord"];
                };
            };
        };
    };
    get_context: {
        parameters: {
            query: {
                after?: number;
                before?: number;
                /** @description Number of the document, as examples tell it. */
                document: number;
                /** @description Offset of the token in it. */
                position: number;
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Number of a feature. */
                number: number;
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Example"];
                };
            };
        };
    };
    get_cosines: {
        parameters: {
            query?: {
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Number of a feature. */
                number: number;
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cosines"];
                    "application/vnd.apache.arrow.stream": string;
                };
            };
        };
    };
    get_elsewhere: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of a feature. */
                number: number;
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NeighboursElsewhere"];
                };
            };
        };
    };
    get_examples: {
        parameters: {
            query?: {
                /** @description Tokens after it. */
                after?: number;
                /** @description Tokens before the peak. */
                before?: number;
                group?: "top" | "silent" | "interval:0" | "interval:1" | "interval:2" | "interval:3" | "interval:4" | "interval:5" | "interval:6" | "interval:7" | "interval:8" | "interval:9" | "quantile:0" | "quantile:1" | "quantile:2" | "quantile:3" | "quantile:4";
                /** @description Most examples; an index keeps some tens of each group. */
                limit?: number;
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Number of a feature. */
                number: number;
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Examples"];
                };
            };
        };
    };
    get_firings: {
        parameters: {
            query?: {
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Number of a feature. */
                number: number;
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Firings"];
                };
            };
        };
    };
    put_note: {
        parameters: {
            query?: {
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Number of a feature. */
                number: number;
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NoteBody"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NoteRecord"];
                };
            };
        };
    };
    get_relations: {
        parameters: {
            query?: {
                /**
                 * @description Version of the SAE (of its record) that the client goes on from: another one now is an error, and answers to
                 *     the present one may be kept for ever.
                 */
                v?: string | null;
            };
            header?: never;
            path: {
                /** @description Number of a feature. */
                number: number;
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Relations"];
                };
            };
        };
    };
    find_features: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path: {
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Find"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Found"];
                };
            };
        };
    };
    get_groundtruth: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GroundTruthRecord"];
                };
            };
        };
    };
    next_tokens: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path: {
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NextAsked"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NextRecord"];
                };
            };
        };
    };
    read_tokens: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path: {
                /** @description Name of an SAE of it. */
                sae: string;
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Prompt"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PromptRecord"];
                };
            };
        };
    };
    get_work: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of a study. */
                study: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkRecord"];
                };
            };
        };
    };
    get_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Healthy"];
                };
            };
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    activation_all: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AllRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AllResponse"];
                };
            };
        };
    };
    activation_all_batch: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AllBatchRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AllBatchResponse"];
                };
            };
        };
    };
    activation_single: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SingleRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SingleResponse"];
                };
            };
        };
    };
    activation_single_batch: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SingleBatchRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SingleBatchResponse"];
                };
            };
        };
    };
    activation_source: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SourceRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SourceResponse"];
                };
            };
        };
    };
    activation_topk_by_token: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TopKRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TopKResponse"];
                };
            };
        };
    };
    activation_topk_by_token_batch: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TopKBatchRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TopKBatchResponse"];
                };
            };
        };
    };
    get_capabilities: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Capabilities"];
                };
            };
        };
    };
    chat: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChatRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAIErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAIErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChatCompletion"];
                    "text/event-stream": components["schemas"]["ChatChunk"];
                };
            };
        };
    };
    complete: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CompletionRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAIErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAIErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Completion"];
                    "text/event-stream": components["schemas"]["Completion"];
                };
            };
        };
    };
    list_models: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAIErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAIErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelList"];
                };
            };
        };
    };
    get_model: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `STUDY` or `STUDY/SAE`. */
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAIErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenAIErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelEntry"];
                };
            };
        };
    };
    steer_completion: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SteerRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SteerResponse"];
                    "text/event-stream": components["schemas"]["SteerResponse"];
                };
            };
        };
    };
    steer_completion_chat: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SteerChatRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SteerChatResponse"];
                    "text/event-stream": components["schemas"]["SteerChatResponse"];
                };
            };
        };
    };
    tokenize: {
        parameters: {
            query?: never;
            header?: {
                /** @description Name of a program, where several ask from one address. */
                "x-client"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenizeRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenizeResponse"];
                };
            };
        };
    };
    sae_topk_by_decoder_cossim: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CosinesRequest"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CosinesResponse"];
                };
            };
        };
    };
    sae_vector: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["FeatureOf"];
            };
        };
        responses: {
            /** @description Asked wrongly, not there, or not made yet */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Damaged files, no memory, or a bug */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VectorResponse"];
                };
            };
        };
    };
}
